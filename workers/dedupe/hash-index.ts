/**
 * The perceptual hashes of one library in memory, in the order they came, searched by going through them all: a million take one to
 * two milliseconds, less than asking a database for the few that an index over parts of the hash would leave.
 *
 * A photo may be there twice, with a hash it had before and the one it has: whoever searches looks at the photo itself next.
 */

export interface HashIndex {
  readonly size: number
  add(id: string, hash: bigint): void
  /** Many at once: ids of 26 characters and hashes of 8 bytes each, the highest first. A million take 0.1 s so. */
  addAll(ids: string, hashes: Buffer): void
  /** Up to `most` photos whose hashes differ by `distanceMax` bits or less, the nearest first. */
  near(hash: bigint, distanceMax: number, most: number): Near[]
}

export interface Near {
  id: string
  distance: number
}

/** Of an id (core/ids.ts). */
const idBytes = 26

/** What one photo takes. */
export const bytesPerHash = 8 + idBytes

export function makeHashIndex(): HashIndex {
  let size = 0
  let [low, high, ids] = [new Int32Array(256), new Int32Array(256), Buffer.alloc(256 * idBytes)]

  const makeRoom = (count: number) => {
    if (size + count <= low.length) return
    const capacity = Math.max(size + count, Math.ceil(low.length * 1.5))
    const [longerLow, longerHigh, longerIds] = [
      new Int32Array(capacity),
      new Int32Array(capacity),
      Buffer.alloc(capacity * idBytes),
    ]
    longerLow.set(low)
    longerHigh.set(high)
    longerIds.set(ids)
    ;[low, high, ids] = [longerLow, longerHigh, longerIds]
  }

  return {
    get size() {
      return size
    },
    add: (id, hash) => {
      makeRoom(1)
      const halves = halvesOf(hash)
      low[size] = halves.low
      high[size] = halves.high
      ids.write(id, size * idBytes, idBytes, 'latin1')
      size++
    },
    addAll: (newIds, hashes) => {
      const count = hashes.length / 8
      if (newIds.length !== count * idBytes) throw new TypeError('there must be as many ids as hashes')
      makeRoom(count)
      ids.write(newIds, size * idBytes, newIds.length, 'latin1')
      for (let i = 0; i < count; i++) {
        high[size + i] = hashes.readInt32BE(i * 8)
        low[size + i] = hashes.readInt32BE(i * 8 + 4)
      }
      size += count
    },
    near: (hash, distanceMax, most) => {
      const wanted = halvesOf(hash)
      const found: { at: number; distance: number }[] = []
      for (let at = 0; at < size; at++) {
        // Half of the bits already rule out nearly all.
        const half = countBits((low[at] as number) ^ wanted.low)
        if (half > distanceMax) continue
        const distance = half + countBits((high[at] as number) ^ wanted.high)
        if (distance <= distanceMax) found.push({ at, distance })
      }
      return found
        .sort((a, b) => a.distance - b.distance || b.at - a.at)
        .slice(0, most)
        .map(({ at, distance }) => ({ id: ids.toString('latin1', at * idBytes, (at + 1) * idBytes), distance }))
    },
  }
}

/** Of 32 bits: pairs, then fours, then bytes are added up side by side. */
function countBits(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function halvesOf(hash: bigint): { low: number; high: number } {
  return { low: Number(BigInt.asIntN(32, hash)), high: Number(BigInt.asIntN(32, hash >> 32n)) }
}

/** How many of the 64 bits differ. */
export function hashDistance(a: bigint, b: bigint): number {
  const [one, other] = [halvesOf(a), halvesOf(b)]
  return countBits(one.low ^ other.low) + countBits(one.high ^ other.high)
}
