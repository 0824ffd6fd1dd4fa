/**
 * What goes through the channel between a worker and its decoder, both ways: a head, which is a few hundred bytes of JSON after its
 * length in four bytes, and behind some heads as many raw bytes as they say.
 */

/** The other end is gone, or has closed the channel. */
export class ChannelEnded extends Error {
  override readonly name = 'ChannelEnded'
}

/** Far above any real one: the longest text in it is a photo's description. */
const headBytesMax = 64 * 1024

export function frameOf(head: object): Buffer {
  const json = Buffer.from(JSON.stringify(head))
  if (json.byteLength > headBytesMax) throw new RangeError(`a head of ${json.byteLength} bytes is too long`)
  const frame = Buffer.allocUnsafe(4 + json.byteLength)
  frame.writeUInt32BE(json.byteLength)
  json.copy(frame, 4)
  return frame
}

export interface FrameReader {
  /** JSON from the other end: to be parsed, not believed. */
  head(): Promise<unknown>
  /** As many bytes as that, in memory of their own. */
  bytes(sizeBytes: number): Promise<Buffer>
}

/** Reads no further than it is asked to. All of it rejects with ChannelEnded once the channel ends; one call at a time. */
export function readFrames(channel: AsyncIterable<Buffer>): FrameReader {
  const chunks = channel[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)

  const nextChunk = async (): Promise<Buffer> => {
    const next = await chunks.next().catch((cause: unknown) => {
      throw new ChannelEnded('the channel broke', { cause })
    })
    if (next.done) throw new ChannelEnded('the channel ended')
    return next.value
  }

  const bytes = async (sizeBytes: number): Promise<Buffer> => {
    // Not of the shared pool, which would be kept whole for as long as a part of it is.
    const found = Buffer.allocUnsafeSlow(sizeBytes)
    for (let filled = 0; filled < sizeBytes; ) {
      if (rest.byteLength === 0) rest = await nextChunk()
      const taken = rest.copy(found, filled)
      filled += taken
      rest = rest.subarray(taken)
    }
    return found
  }

  const head = async (): Promise<unknown> => {
    const sizeBytes = (await bytes(4)).readUInt32BE()
    if (sizeBytes > headBytesMax) throw new RangeError(`a head of ${sizeBytes} bytes is too long`)
    const json = (await bytes(sizeBytes)).toString()
    try {
      return JSON.parse(json)
    } catch {
      // Its words would repeat the other end's.
      throw new TypeError('a head is no JSON')
    }
  }

  return { head, bytes }
}
