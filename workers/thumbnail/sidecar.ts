/** A sidecar: an XMP file that says something about a photo. Any bytes may come in its name, and only XMP is read. */
import type { PhotoFacts } from '../../src/library/photo-facts.js'
import { xmpBytesMax } from './facts/blocks.js'
import { readXmpFacts } from './facts/photo-facts.js'
import type { Original } from './original.js'
import { Unreadable } from './unreadable.js'

/** RFC 3870; the type that XMP Part 3 names. */
export const sidecarMediaType = 'application/rdf+xml'

/** What stands beyond the limit of a packet is left out. Rejects with Unreadable for what is no XMP. */
export async function readSidecar({ bytes }: Original, { now }: { now: Date }): Promise<PhotoFacts> {
  const kept: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of bytes) {
    if (sizeBytes < xmpBytesMax) kept.push(chunk)
    sizeBytes += chunk.byteLength
  }
  const facts = readXmpFacts(Buffer.concat(kept).subarray(0, xmpBytesMax), { now })
  if (!facts) throw new Unreadable('This sidecar is no XMP file')
  return facts
}
