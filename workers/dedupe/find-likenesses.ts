/**
 * Which photos the new ones are like: by their hashes among all of the library, and by their time among those taken around it; each
 * pair is then compared by its details.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Placement } from '../../src/core/keys.js'
import type { Queryable } from '../../src/db/database.js'
import { type Compared, type Likeness, readCompared, readNeighbours } from '../../src/library/duplicates/compare-sql.js'
import { hashDistance, makeHashIndex } from './hash-index.js'
import type { Library } from './libraries.js'
import { burstSeconds, compare, momentSeconds, type Pictured, picturedOf, sameDistanceMax } from './match.js'

export interface Found {
  likenesses: Likeness[]
  /** The new photos, and all that they were compared with. */
  members: ReadonlyMap<string, Compared>
}

/** Photos that one is compared with by its hash, the nearest first: hundreds of copies of one picture are one group by fewer. */
const candidatesMax = 48
/** And by its time. */
const neighboursMax = 24

/** How long others in this process wait for a turn at most. */
const turnMs = 10

export async function findLikenesses(
  tx: Queryable,
  placement: Placement,
  library: Library,
  photos: readonly Compared[],
  signal: AbortSignal,
): Promise<Found> {
  if (photos.length === 0) return { likenesses: [], members: new Map() }
  const breathe = breather(signal)
  const pairs = new Pairs()
  const fresh = makeHashIndex()
  for (const { id, phash } of photos) {
    const hash = BigInt(phash)
    for (const index of [library.index, fresh]) {
      for (const near of index.near(hash, sameDistanceMax, candidatesMax)) pairs.add(id, near.id)
    }
    fresh.add(id, hash)
    await breathe()
  }
  const ids = photos.map(({ id }) => id)
  const moment = { seconds: momentSeconds, burstSeconds, most: neighboursMax }
  for (const { photo, other } of await readNeighbours(tx, placement, ids, moment)) pairs.add(photo, other)

  const members = new Map(photos.map(photo => [photo.id, photo]))
  const others = pairs.photos().filter(id => !members.has(id))
  for (const photo of others.length > 0 ? await readCompared(tx, placement, others) : []) members.set(photo.id, photo)
  const likenesses: Likeness[] = []
  const pictured = new Map<string, Pictured>()
  const pictureOf = (photo: Compared) => {
    const made = pictured.get(photo.id) ?? picturedOf(photo)
    pictured.set(photo.id, made)
    return made
  }
  for (const [one, other] of pairs.all()) {
    const [a, b] = [members.get(one), members.get(other)]
    if (!a || !b) continue
    // Of the hashes that they have now: the index may remember one from before.
    const distance = hashDistance(BigInt(a.phash), BigInt(b.phash))
    const verdict = compare(pictureOf(a), pictureOf(b), distance)
    if (verdict) likenesses.push({ ...youngerFirst(a, b), class: verdict, distance })
    await breathe()
  }
  return { likenesses, members }
}

function youngerFirst(a: Compared, b: Compared): { photo: string; other: string } {
  const age = a.storedAt.getTime() - b.storedAt.getTime() || (a.id < b.id ? -1 : 1)
  return age > 0 ? { photo: a.id, other: b.id } : { photo: b.id, other: a.id }
}

/** Pairs of different photos, each once, whichever is named first. */
class Pairs {
  readonly #others = new Map<string, Set<string>>()

  add(a: string, b: string): void {
    if (a === b) return
    const [first, second] = a < b ? [a, b] : [b, a]
    const others = this.#others.get(first)
    if (others) others.add(second)
    else this.#others.set(first, new Set([second]))
  }

  *all(): Generator<[string, string]> {
    for (const [first, others] of this.#others) for (const second of others) yield [first, second]
  }

  photos(): string[] {
    return [...new Set([...this.all()].flat())]
  }
}

/** Gives others a turn from time to time, and ends when told to. */
function breather(signal: AbortSignal): () => Promise<void> {
  let sinceMs = performance.now()
  return async () => {
    if (performance.now() - sinceMs < turnMs) return
    signal.throwIfAborted()
    await turn()
    sinceMs = performance.now()
  }
}
