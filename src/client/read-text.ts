/** The text of an answer, as long as it is no longer than such answers are: nobody fills the memory of who asked. */

/** Undefined when there is more of it; what is left is not read then. Rejects as the answer's own stream does. */
export async function readText({ body }: Pick<Response, 'body'>, bytesMax: number): Promise<string | undefined> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length
    if (bytes > bytesMax) {
      await reader.cancel().catch(() => {}) // it was given up in any case
      return undefined
    }
    text += decoder.decode(next.value, { stream: true })
  }
  return text + decoder.decode()
}
