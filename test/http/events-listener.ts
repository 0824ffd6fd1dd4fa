/** A client of /v1/events for tests: what it was told, in order. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Tls } from '../../src/http/tls.js'
import { waitUntil } from '../support/wait-until.js'

export interface TestListener {
  /** Cursors it was told, each with its id. */
  readonly told: { id: string | undefined; cursor: string }[]
  /** Comments that came. */
  readonly beats: () => number
  readonly headers: Headers
  /** Resolves once it was told this. */
  hears(cursor: string): Promise<void>
  /** Resolves when the server has ended the stream. */
  ended: Promise<void>
  leave(): void
}

export const deadlineMs = 30_000

/** Fails the test unless there is a stream. */
export async function listen(url: string, headers: Record<string, string>): Promise<TestListener> {
  const leaving = new AbortController()
  const response = await fetch(`${url}/v1/events`, { headers, signal: leaving.signal })
  if (response.status !== 200 || !response.body) throw new Error(`no stream: ${response.status}`)
  return follow(response.body, response.headers, () => leaving.abort())
}

/** The same over HTTP/2. */
export async function listenOverHttp2(
  url: string,
  { cert }: Tls,
  headers: Record<string, string>,
): Promise<TestListener> {
  const session: ClientHttp2Session = connect(url, { ca: cert })
  session.on('error', () => {})
  const stream = session.request({ ':path': '/v1/events', ...headers }).setEncoding('utf8')
  stream.on('error', () => {})
  const [head] = (await once(stream, 'response')) as [Record<string, string>]
  if (Number(head[':status']) !== 200) throw new Error(`no stream: ${head[':status']}`)
  stream.once('close', () => session.close())
  const fields = Object.entries(head).filter(([name]) => !name.startsWith(':'))
  return follow(stream, new Headers(fields), () => session.destroy())
}

function follow(body: AsyncIterable<string | Uint8Array>, headers: Headers, leave: () => void): TestListener {
  const told: TestListener['told'] = []
  let beats = 0
  const decoder = new TextDecoder()
  const read = async (): Promise<void> => {
    let text = ''
    for await (const chunk of body) {
      text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
        if (block.startsWith(':')) beats++
        if (field('event') === 'changes') told.push({ id: field('id'), cursor: JSON.parse(field('data') ?? '').cursor })
      }
    }
  }
  return {
    told,
    beats: () => beats,
    headers,
    hears: cursor =>
      waitUntil(async () => told.some(event => event.cursor === cursor), { what: `it hears of ${cursor}`, deadlineMs }),
    // However it ends: a server that stops may cut it off.
    ended: read().catch(() => {}),
    leave,
  }
}
