/**
 * How long a request takes on a connection that is there: so many one after another, after one that makes the connection. A program:
 * the server's address, how many; the token is in PHOTOSYNC_TOKEN. Writes a line of JSON, milliseconds of each.
 */
const [server = '', count = '1'] = process.argv.slice(2)
const headers = { authorization: `Bearer ${process.env.PHOTOSYNC_TOKEN ?? ''}` }

async function ask(): Promise<number> {
  const startMs = performance.now()
  const response = await fetch(`${server}/v1/me`, { headers })
  await response.text()
  if (!response.ok) throw new Error(`/v1/me was answered ${response.status}`)
  return performance.now() - startMs
}

await ask()
const ms: number[] = []
for (let i = 0; i < Number(count); i++) ms.push(await ask())
process.stdout.write(`${JSON.stringify({ ms })}\n`)
