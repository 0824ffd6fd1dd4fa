/**
 * Request bodies over HTTP/2: windows that keep a long link full, and a bound on what they let pile up in memory.
 *
 * Node takes in whatever the windows allow and keeps what no handler has read yet, where over HTTP/1.1 it would wait in the kernel and
 * then with the client. So while too much lies unread, the connections that brought most of it are not read: then TCP holds their
 * clients back. Handlers that keep up never see it.
 */
import type { Http2SecureServer, Http2Session, ServerHttp2Stream } from 'node:http2'

const MiB = 1024 * 1024

export const windows = {
  /**
   * Of one body. 100 Mbit/s over 340 ms are 4.25 MB under way. Node gives credit back once half a window was read, and that takes
   * 340 ms to arrive: only twice as much, 8.5 MB, never makes the sender wait. A photo of the size that is sent in one request
   * fits whole.
   */
  streamBytes: 9 * MiB,
  /** Of all bodies of a connection together: by the same reckoning 16 MiB keep 197 Mbit/s flowing. */
  connectionBytes: 16 * MiB,
}

/** In all bodies together. What a handler's short waits let arrive on a fast link fits: 100 ms at 1 Gbit/s are 12 MB. */
const unreadBytes = 32 * MiB
/** How often it is looked at, while there are bodies. */
const lookMs = 10

export function boundUnread(server: Http2SecureServer, unreadBytesMax = unreadBytes): void {
  const bodies = new Map<Http2Session, Set<ServerHttp2Stream>>()
  const held = new Set<Http2Session>()
  let timer: NodeJS.Timeout | undefined

  server.on('stream', stream => {
    const { session, endAfterHeaders } = stream
    if (endAfterHeaders || !session) return
    const streams = bodies.get(session) ?? new Set()
    bodies.set(session, streams.add(stream))
    const remove = () => {
      streams.delete(stream)
      if (streams.size === 0) bodies.delete(session)
    }
    stream.once('end', remove).once('close', remove)
    timer ??= setInterval(look, lookMs).unref()
  })

  function look(): void {
    const unread = new Map<Http2Session, number>()
    for (const [session, streams] of bodies) {
      unread.set(
        session,
        [...streams].reduce((sum, { readableLength }) => sum + readableLength, 0),
      )
    }
    const total = [...unread.values()].reduce((sum, bytes) => sum + bytes, 0)
    for (const session of new Set([...unread.keys(), ...held])) {
      // Who is held goes on at half of what held it, so that it is not stopped again at once.
      const bytesMax = held.has(session) ? unreadBytesMax / 2 : unreadBytesMax
      const share = bytesMax / Math.max(unread.size, 1)
      if (total > bytesMax && (unread.get(session) ?? 0) >= share) hold(session)
      else if (held.has(session)) release(session)
    }
    if (bodies.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function hold(session: Http2Session): void {
    held.add(session)
    // Also when it is held already: Node may have started it again after a write.
    handleOf(session)?.readStop()
  }

  function release(session: Http2Session): void {
    held.delete(session)
    handleOf(session)?.readStart()
  }
}

/** Node reads an HTTP/2 connection below its socket's stream, so `pause` doesn't reach it: this is what Node's own streams call. */
function handleOf(session: Http2Session): { readStop(): void; readStart(): void } | undefined {
  return session.destroyed ? undefined : (session.socket as unknown as { _handle?: never })._handle
}
