/**
 * Streams that tell people when their feed has moved: Server-Sent Events, https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * Each begins with where the feed ends, and says it again whenever that has changed. One subscription to the signal `feed` serves
 * them all, and one query at a time: of all people whose feed may have moved since the last. Signals are lossy, so with each of its
 * heartbeats a stream looks by itself. One whose reader is slow takes nothing more until it has read, and then only what is so at
 * that moment: it never holds more than one event. A stream ends when its reader leaves or takes nothing for a minute, when the
 * caller may no longer look, and when the process closes; its reader comes again and has missed nothing, since the feed is the truth.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../core/errors.js'
import type { Placement } from '../core/keys.js'
import { limits } from '../core/limits.js'
import type { Queryable } from '../db/database.js'
import type { Signals } from '../queue/signals.js'
import { formatCursor } from './changes.js'
import { selectEnds } from './changes-sql.js'

/** The part of Node's response that is needed. */
export interface EventStream {
  write(text: string): boolean
  end(): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
  on(event: 'drain' | 'error', listener: () => void): unknown
  readonly destroyed: boolean
}

export interface Admission {
  stream: EventStream
  /** Whether the caller may still look. */
  mayStay: () => Promise<boolean>
}

export interface FeedEvents {
  /** Calls `begin` and serves its stream; throws `too_many` or, while it closes, `unavailable` before that. */
  admit(person: Placement, begin: () => Admission): void
  /** Ends all streams. */
  close(): Promise<void>
}

export interface EventsDeps {
  db: Queryable
  signals: Pick<Signals, 'subscribe'>
  onError: (error: unknown) => void
  /** Default 15 s: shorter than what proxies and phone networks keep an idle connection for. */
  heartbeatMs?: number
}

const defaultHeartbeatMs = 15_000
/** So many heartbeats may find nothing read of what was sent before. */
const unreadHeartbeatsMax = 4
/** How long a client waits until it comes again. */
const comeAgainMs = 2_000
/** People in one query. */
const peopleMax = 1_000
/** After a query that failed. */
const restMs = 1_000

interface Listener {
  /** Where the feed ends. */
  tell(cursor: string): void
  end(): void
}

export async function openEvents({
  db,
  signals,
  onError,
  heartbeatMs = defaultHeartbeatMs,
}: EventsDeps): Promise<FeedEvents> {
  const listeners = new Map<string, Set<Listener>>()
  /** People whose feed may have moved. */
  const moved = new Set<string>()
  const closing = new AbortController()
  let looking: Promise<void> | undefined

  const look = async (): Promise<void> => {
    while (moved.size > 0 && !closing.signal.aborted) {
      const people = [...moved].slice(0, peopleMax)
      for (const person of people) moved.delete(person)
      try {
        for (const { person, ...end } of await selectEnds(db, people)) {
          for (const listener of listeners.get(person) ?? []) listener.tell(formatCursor(end))
        }
      } catch (error) {
        onError(error)
        for (const person of people) if (listeners.has(person)) moved.add(person)
        await sleep(restMs, undefined, { signal: closing.signal }).catch(() => {})
      }
    }
    looking = undefined
  }
  const lookFor = (people: Iterable<string>): void => {
    for (const person of people) if (listeners.has(person)) moved.add(person)
    if (moved.size > 0) looking ??= look()
  }

  // Nobody's name: the connection was broken, and any signal may have been lost.
  const stopHearing = await signals.subscribe('feed', person => lookFor(person === '' ? listeners.keys() : [person]))

  const leave = (person: string, listener: Listener): void => {
    const others = listeners.get(person)
    others?.delete(listener)
    if (others?.size === 0) listeners.delete(person)
  }

  return {
    admit: ({ person }, begin) => {
      if (closing.signal.aborted) {
        throw new AppError('unavailable', 'This server is about to stop. Try again', { retryAfterSeconds: 1 })
      }
      const others = listeners.get(person) ?? new Set()
      if (others.size >= limits.eventStreamsPerPerson) {
        const sentence = `${limits.eventStreamsPerPerson} of your programs listen already. End one of them first`
        throw new AppError('too_many', sentence, { retryAfterSeconds: Math.ceil(heartbeatMs / 1_000) })
      }
      const admission = begin()
      // Its reader left while it was asked who it is.
      if (admission.stream.destroyed) return
      const listener = serve(admission, {
        heartbeatMs,
        onBeat: () => lookFor([person]),
        onEnd: () => leave(person, listener),
      })
      listeners.set(person, others.add(listener))
      lookFor([person])
    },
    close: async () => {
      if (closing.signal.aborted) return
      closing.abort()
      stopHearing()
      for (const group of listeners.values()) for (const listener of group) listener.end()
      await looking
    },
  }
}

interface Serving {
  heartbeatMs: number
  onBeat: () => void
  /** Once, not before `serve` has returned. */
  onEnd: () => void
}

/** One stream, until it ends. */
function serve({ stream, mayStay }: Admission, { heartbeatMs, onBeat, onEnd }: Serving): Listener {
  let told: string | undefined
  let latest: string | undefined
  /** What was sent last waits for the reader. */
  let waiting = false
  let unreadBeats = 0
  let asking = false
  let ended = false

  const send = (text: string): void => {
    waiting = !stream.write(text)
  }
  const flush = (): void => {
    if (latest === told || waiting || ended) return
    told = latest
    send(`event: changes\nid: ${latest}\ndata: ${JSON.stringify({ cursor: latest })}\n\n`)
  }
  const end = (): void => {
    if (ended) return
    ended = true
    stream.end()
  }
  const askWhetherItMayStay = async (): Promise<void> => {
    if (asking) return
    asking = true
    // What is neither yes nor no leaves it as it is.
    if (!(await mayStay().catch(() => true))) end()
    asking = false
  }
  const beat = (): void => {
    if (waiting) {
      if (++unreadBeats >= unreadHeartbeatsMax) stream.destroy()
      return
    }
    unreadBeats = 0
    if (ended) return
    send(':\n\n')
    onBeat()
    void askWhetherItMayStay()
  }

  const timer = setInterval(beat, heartbeatMs)
  stream.on('drain', () => {
    waiting = false
    flush()
  })
  // A connection that broke closes as well.
  stream.on('error', () => {})
  stream.once('close', () => {
    clearInterval(timer)
    onEnd()
  })
  // Something at once, so that its reader knows that it is heard.
  send(`retry: ${comeAgainMs}\n\n`)
  return {
    tell: cursor => {
      latest = cursor
      flush()
    },
    end,
  }
}
