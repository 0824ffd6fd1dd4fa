/**
 * An original's bytes in; its facts, renditions and ThumbHash out. Touches nothing outside: no files, no network, no clock.
 *
 * Guarantees: the same bytes give the same pictures; the original is decoded once; renditions are upright, never larger
 * than the original, and hold no metadata but a colour profile. A file that will never be a picture here is `Unreadable`.
 */
import { AppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import { renditions as specs } from '../../src/core/renditions.js'
import type { PhotoFacts } from '../../src/library/photo-facts.js'
import { profileUse } from './colour.js'
import { withDeadline } from './deadline.js'
import { endsEarly } from './ends-early.js'
import { isBoundedJpeg } from './jpeg-scans.js'
import { readFacts } from './photo-facts.js'
import { type DecodeOptions, decode, encode, type Pixels, readHeader, shrink, thumbHash } from './pixels.js'
import { type Kind, sniff } from './sniff.js'
import { Unreadable } from './unreadable.js'

export interface Rendition {
  /** As in core/renditions.ts. */
  readonly name: string
  readonly mediaType: string
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
}

export interface Rendered {
  /** Pixels of the upright original. */
  readonly width: number
  readonly height: number
  /** Of the original, by its bytes. */
  readonly mediaType: string
  readonly renditions: readonly Rendition[]
  readonly thumbhash: Buffer
  readonly facts: PhotoFacts
}

export interface RenderOptions {
  /** Lets the caller go at once; a step that has begun ends by itself, within `limits.thumbnailMs`. */
  readonly signal: AbortSignal
  /** Dates far ahead of it are not believed. */
  readonly now: Date
}

/**
 * Rejects with `Unreadable` when trying again can't help, with AppError `unavailable` when it took longer than
 * `limits.thumbnailMs`, and with the signal's reason.
 */
export function renderPhoto(original: Buffer, { signal, now }: RenderOptions): Promise<Rendered> {
  const timeoutMs = limits.thumbnailMs
  const late = () => new AppError('unavailable', `The picture took longer than ${timeoutMs / 1000} seconds to render`)
  return withDeadline({ signal, timeoutMs, late }, async check => {
    const kind = assertPicture(original)
    const { width, height, largest } = await decodeOnce(original, kind, check)
    const facts = readFacts(original, { now })

    const renditions: Rendition[] = []
    let pixels = largest
    for (const spec of specs) {
      check()
      pixels = await shrink(pixels, spec.edgePx)
      renditions.push({ name: spec.name, mediaType: spec.mediaType, ...(await encode(pixels, spec)) })
    }
    check()
    return { width, height, mediaType: kind.mediaType, renditions, thumbhash: await thumbHash(pixels), facts }
  })
}

const refusals: Readonly<Record<Kind['sort'], string | undefined>> = {
  picture: undefined,
  heic: "HEIC pictures can't be decoded by this server yet",
  raw: 'This is a camera raw; it has no renditions yet',
  video: 'This is a video; it has no poster yet',
  vector: 'SVG pictures are not rendered',
  unknown: "The file isn't a picture of a kind that is known here",
}

/**
 * Throws `Unreadable` for what has no renditions, as far as its first bytes tell. 4 KiB of them are enough, so that nobody
 * has to fetch a whole video to learn that it is one.
 */
export function assertPicture(head: Buffer): Kind {
  if (head.length === 0) throw new Unreadable('The file is empty')
  const kind = sniff(head)
  const refusal = refusals[kind.sort]
  if (refusal !== undefined) throw new Unreadable(refusal)
  return kind
}

async function decodeOnce(original: Buffer, kind: Kind, check: () => void) {
  try {
    const header = await readHeader(original)
    const { width, height } = header.autoOrient
    assertPixels(width, height)
    check()
    const options = { edgePx: specs[0].edgePx, profileUse: profileUse(header) }
    return { width, height, largest: await decodeOverDamage(original, kind, options, check) }
  } catch (cause) {
    check()
    if (cause instanceof Unreadable) throw cause
    const reason = endsEarly(kind.name, original) ? 'The file ends too early' : "The picture's data is damaged"
    throw new Unreadable(reason, { cause })
  }
}

/** The longest side that a JPEG can have. Four million columns by sixty rows are few pixels, yet took 2.6 GB to shrink. */
const edgePxMax = 65_535

function assertPixels(width: number, height: number): void {
  const megapixelsMax = Math.floor(limits.picturePixels / 1e6)
  if (width * height > limits.picturePixels) {
    throw new Unreadable(`${width} × ${height} pixels are more than the limit of ${megapixelsMax} megapixels`)
  }
  if (Math.max(width, height) > edgePxMax) {
    throw new Unreadable(`${width} × ${height} pixels are more than the limit of ${edgePxMax} a side`)
  }
}

/**
 * libjpeg gives up on a JPEG in which a few bytes are missing halfway, because finding the way back may take a hostile
 * file forever. A person would rather see the picture with its flaw, so one that is found bounded gets a second try.
 */
async function decodeOverDamage(
  original: Buffer,
  kind: Kind,
  options: DecodeOptions,
  check: () => void,
): Promise<Pixels> {
  try {
    return await decode(original, options)
  } catch (error) {
    check()
    if (kind.name !== 'jpeg' || !isBoundedJpeg(original)) throw error
    return await decode(original, { ...options, unlimited: true })
  }
}
