/**
 * An original's bytes in; its facts, renditions, ThumbHash and look out. Touches nothing outside: no files, no network, no clock.
 * Has no deadline of its own: it runs where it can be killed (isolated/).
 *
 * Guarantees: the same bytes give the same pictures; the original is decoded once; renditions are upright, never larger
 * than the original, and hold no metadata but a colour profile. A file that will never be a picture here is `Unreadable`.
 */
import { renditions as specs } from '../../../src/core/renditions.js'
import { lookOf } from '../../dedupe/look.js'
import type { Developed, Rendition } from '../developed.js'
import { readFacts } from '../facts/photo-facts.js'
import { type Kind, sniff } from '../sniff.js'
import { Unreadable } from '../unreadable.js'
import { animate } from './animation.js'
import { endsEarly } from './ends-early.js'
import { HeicBroke } from './heic.js'
import { isBoundedJpeg } from './jpeg-scans.js'
import { type DecodeOptions, decode, encode, luminances, type Pixels, shrink, thumbHash } from './pixels.js'
import { refusalOf } from './refusal.js'
import { openSource, type Source } from './source.js'

export { refusalOf }

export interface DevelopPictureOptions {
  /** Dates far ahead of it are not believed. */
  readonly now: Date
}

/** Rejects with `Unreadable`, and with nothing else that the file can be the cause of. */
export async function developPicture(original: Buffer, { now }: DevelopPictureOptions): Promise<Developed> {
  const kind = sniff(original)
  const refusal = refusalOf(original)
  if (refusal !== undefined) throw new Unreadable(refusal)
  if (kind.sort !== 'picture') throw new Unreadable('This is a video, not a picture')
  const { source, largest } = await decodeOnce(original, kind)
  const renditions: Rendition[] = []
  let pixels = largest
  for (const spec of specs) {
    pixels = await shrink(pixels, spec.edgePx)
    renditions.push({ name: spec.name, mediaType: spec.mediaType, ...(await encode(pixels, spec)) })
  }
  const moving = await animate(source)
  if (moving) renditions.push(moving)
  return {
    kind: 'picture',
    mediaType: kind.mediaType,
    width: source.width,
    height: source.height,
    durationMs: null,
    renditions,
    thumbhash: thumbHash(pixels),
    look: lookOf(luminances(pixels)),
    facts: readFacts(original, { now }),
    reason: null,
  }
}

async function decodeOnce(original: Buffer, kind: Kind): Promise<{ source: Source; largest: Pixels }> {
  try {
    const source = await openSource(kind, original)
    return { source, largest: await decodeOverDamage(source, { edgePx: specs[0].edgePx }) }
  } catch (cause) {
    if (cause instanceof HeicBroke) throw cause
    if (endsEarly(kind.name, original) && !(cause instanceof Unreadable && cause.cause === undefined)) {
      throw new Unreadable('The file ends too early', { cause })
    }
    if (cause instanceof Unreadable) throw cause
    throw new Unreadable("The picture's data is damaged", { cause })
  }
}

/**
 * libjpeg gives up on a JPEG in which a few bytes are missing halfway, because finding the way back may take a hostile
 * file forever. A person would rather see the picture with its flaw, so one that is found bounded gets a second try.
 */
async function decodeOverDamage(source: Source, options: DecodeOptions): Promise<Pixels> {
  try {
    return await decode(source, options)
  } catch (error) {
    const file = 'file' in source.picture ? source.picture.file : Buffer.alloc(0)
    if (sniff(file).name !== 'jpeg' || !isBoundedJpeg(file)) throw error
    return await decode(source, { ...options, unlimited: true })
  }
}
