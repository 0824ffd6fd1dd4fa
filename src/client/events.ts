/**
 * Server-sent events (WHATWG HTML §9.2) over fetch, since EventSource takes no token: one connection, read until the server
 * ends it. Beginning has a deadline, and so has silence: the server says something every 15 seconds, and a connection that
 * says nothing for much longer is dead however open it looks. What a server may send without an end to it is bounded.
 */
import { AppError } from '../core/errors.js'
import { addressOf } from './api.js'
import { errorOfAnswer, errorOfNetwork } from './problem.js'

export interface ServerEvent {
  /** `message` unless it was named. */
  readonly event: string
  readonly data: string
  /** The last id that was given; '' when there was none. */
  readonly id: string
}

export interface EventsOptions {
  server: string
  token: string
  signal: AbortSignal
  /** The id of the last event that was read. */
  lastEventId?: string | undefined
  /** For the answer to begin; default 30,000. */
  connectMs?: number
  /** Without a byte; default 45,000: three heartbeats. */
  silenceMs?: number
  /** Told when the server has agreed. */
  onOpen?: () => void
}

/** The events of /v1/events until the server ends them. Throws an AppError, or the signal's reason. */
export async function* readEvents(options: EventsOptions): AsyncGenerator<ServerEvent> {
  const { server, token, signal, lastEventId, connectMs = 30_000, silenceMs = 45_000, onOpen } = options
  const quiet = new AbortController()
  const tooLong = () => quiet.abort(new AppError('unavailable', `${server} has fallen silent`))
  let timer = setTimeout(tooLong, connectMs)
  try {
    const response = await fetch(addressOf(server, 'v1/events'), {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${token}`,
        ...(lastEventId && { 'last-event-id': lastEventId }),
      },
      cache: 'no-store',
      signal: AbortSignal.any([signal, quiet.signal]),
    })
    const stream = await openStream(response, server)
    onOpen?.()
    const parse = makeEventParser()
    const decoder = new TextDecoder()
    for (;;) {
      clearTimeout(timer)
      timer = setTimeout(tooLong, silenceMs)
      const { done, value } = await stream.read()
      if (done) return
      clearTimeout(timer) // whoever takes the events may take their time
      yield* parse(decoder.decode(value, { stream: true }))
    }
  } catch (error) {
    signal.throwIfAborted()
    throw quiet.signal.aborted ? quiet.signal.reason : errorOfNetwork(error, server)
  } finally {
    clearTimeout(timer)
    quiet.abort() // closes the connection however the reading ended
  }
}

async function openStream(response: Response, server: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const { status, headers, body } = response
  if (!response.ok) {
    const text = await response.text()
    throw errorOfAnswer({ server, status, body: text, header: name => headers.get(name) }, Date.now())
  }
  if (!body || !headers.get('content-type')?.startsWith('text/event-stream')) {
    throw new AppError('invalid', `${server} does not answer like a photosync server: check the address`)
  }
  return body.getReader()
}

/** An event of the feed is a few dozen characters. */
const eventCharsMax = 64 * 1024

/** Takes the text in pieces of any length, and gives the events that each completes. Throws `invalid` for one without an end. */
export function makeEventParser(): (piece: string) => ServerEvent[] {
  let rest = ''
  let began = false
  let event = ''
  let data: string[] = []
  let heldChars = 0
  let id = ''
  const field = (line: string, events: ServerEvent[]) => {
    if (line === '') {
      if (data.length > 0) events.push({ event: event || 'message', data: data.join('\n'), id })
      event = ''
      data = []
      heldChars = 0
      return
    }
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') event = value
    else if (name === 'data') {
      data.push(value)
      heldChars += value.length
    } else if (name === 'id' && !value.includes('\0')) id = value
  }
  return piece => {
    const events: ServerEvent[] = []
    let text = rest + piece
    if (!began && text !== '') {
      began = true
      text = text.replace(/^\ufeff/, '')
    }
    // A \r at the very end may be half of a \r\n.
    const lines = text.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) field(line, events)
    if (rest.length + heldChars > eventCharsMax) throw new AppError('invalid', 'The server sends an event without end')
    return events
  }
}
