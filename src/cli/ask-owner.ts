/** A question to whoever sits at the terminal, answered by y or by anything else. */
import { createInterface } from 'node:readline/promises'

export type Terminal = NodeJS.ReadableStream & { isTTY?: boolean }

/** True for `y` and `yes` alone; the end of the input is a no. Rejects with the signal's reason. */
export async function askOwner(
  question: string,
  input: Terminal,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted()
  // Not as a terminal of readline's: Ctrl-C would be a character then, and end nothing.
  const lines = createInterface({ input, terminal: false })
  let stop = () => {}
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      lines.once('line', resolve)
      lines.once('close', () => resolve(''))
      output.write(`${question} [y/N] `)
    })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    signal.removeEventListener('abort', stop)
    lines.close()
  }
}
