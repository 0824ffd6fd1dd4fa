/**
 * What a WebM or Matroska film says about itself near its beginning (RFC 9559): duration, size, date. Walks the elements that
 * lead there and no others. Pure; never throws; what isn't whole in the bytes at hand isn't there.
 */
import { noFacts } from '../../../src/library/photo-facts.js'
import { utcClock } from './exif-time.js'
import type { MovieFacts } from './moov.js'

const id = {
  header: 0x1a45dfa3,
  segment: 0x18538067,
  cluster: 0x1f43b675,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  duration: 0x4489,
  date: 0x4461,
  tracks: 0x1654ae6b,
  track: 0xae,
  video: 0xe0,
  width: 0xb0,
  height: 0xba,
} as const

interface Item {
  id: number
  body: number
  end: number
  /** Else the bytes at hand end before it does. */
  isWhole: boolean
}

const elementsMax = 10_000
const pixelsMax = 65_535
const msFrom1970To2001 = 978_307_200_000

/** `head`: the file's first bytes; 64 KiB are enough for nearly all. */
export function readWebm(head: Buffer, { now }: { now: Date }): MovieFacts {
  const { cameraMake, cameraModel, latitude, longitude, description, live } = noFacts
  const texts = { cameraMake, cameraModel, latitude, longitude, description, live }
  const all = { id: 0, body: 0, end: head.length, isWhole: true }
  const segment = child(head, all, id.segment)
  const info = segment && child(head, segment, id.info)
  const unit = info && child(head, info, id.timestampScale)
  const scale = (unit && unsigned(head, unit)) || 1_000_000
  const ms = Math.round((number(head, info && child(head, info, id.duration)) ?? 0) * (scale / 1e6))
  const date = info && child(head, info, id.date)
  const sinceMs = date?.isWhole && date.end - date.body === 8 ? Number(head.readBigInt64BE(date.body)) / 1e6 : undefined
  const taken = sinceMs === undefined ? undefined : utcClock(msFrom1970To2001 + sinceMs, 1990, now)
  const size = pictureSize(head, segment)
  return {
    ...texts,
    takenAt: taken?.wall ?? null,
    takenOffsetMinutes: taken ? 0 : null,
    durationMs: ms > 0 && ms < 2 ** 31 ? ms : null,
    width: size?.width ?? null,
    height: size?.height ?? null,
  }
}

function pictureSize(bytes: Buffer, segment: Item | undefined): { width: number; height: number } | undefined {
  const tracks = segment && child(bytes, segment, id.tracks)
  for (const track of tracks ? elements(bytes, tracks) : []) {
    const video = track.id === id.track ? child(bytes, track, id.video) : undefined
    const [w, h] = video ? [child(bytes, video, id.width), child(bytes, video, id.height)] : []
    const [width, height] = [(w && unsigned(bytes, w)) || 0, (h && unsigned(bytes, h)) || 0]
    if (width > 0 && height > 0 && width <= pixelsMax && height <= pixelsMax) return { width, height }
  }
  return undefined
}

function child(bytes: Buffer, parent: Item, wanted: number): Item | undefined {
  for (const element of elements(bytes, parent)) if (element.id === wanted) return element
  return undefined
}

function* elements(bytes: Buffer, parent: Item): Generator<Item> {
  let at = parent.body
  for (let count = 0; count < elementsMax && at < parent.end; count++) {
    const idLength = Math.clz32(bytes[at] ?? 0) - 23
    const sizeAt = at + idLength
    const sizeLength = Math.clz32(bytes[sizeAt] ?? 0) - 23
    if (idLength > 4 || sizeLength > 8 || sizeAt + sizeLength > parent.end) return
    const element = bytes.readUIntBE(at, idLength)
    // All bits set is an unknown size: live recordings' segment, which ends with what there is.
    const size = variable(bytes, sizeAt, sizeLength)
    const body = sizeAt + sizeLength
    const isOpen = size === undefined || body + size > parent.end
    // What is cut off by the end of the bytes at hand can be entered, but nothing that follows it can be.
    yield { id: element, body, end: isOpen ? parent.end : body + size, isWhole: !isOpen }
    if (isOpen || element === id.cluster) return
    at = body + size
  }
}

function variable(bytes: Buffer, at: number, length: number): number | undefined {
  let value = BigInt((bytes[at] ?? 0) & (0xff >> length))
  for (let index = 1; index < length; index++) value = (value << 8n) | BigInt(bytes[at + index] ?? 0)
  return value === (1n << BigInt(7 * length)) - 1n ? undefined : Number(value)
}

function unsigned(bytes: Buffer, { body, end, isWhole }: Item): number | undefined {
  const length = end - body
  return isWhole && length >= 1 && length <= 6 ? bytes.readUIntBE(body, length) : undefined
}

function number(bytes: Buffer, item: Item | undefined): number | undefined {
  if (!item?.isWhole) return undefined
  const length = item.end - item.body
  return length === 4 ? bytes.readFloatBE(item.body) : length === 8 ? bytes.readDoubleBE(item.body) : undefined
}
