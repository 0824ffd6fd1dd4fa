/**
 * The perceptual hashes of one library in memory, in the order they came, searched by going through them all: a million take half a
 * millisecond, less than asking a database for the few that an index over parts of the hash would leave.
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
  let [stored, ids] = [new BigInt64Array(256), Buffer.alloc(256 * idBytes)]

  const makeRoom = (count: number) => {
    if (size + count <= stored.length) return
    const capacity = Math.max(size + count, Math.ceil(stored.length * 1.5))
    const [longer, longerIds] = [new BigInt64Array(capacity), Buffer.alloc(capacity * idBytes)]
    longer.set(stored)
    longerIds.set(ids)
    ;[stored, ids] = [longer, longerIds]
  }

  return {
    get size() {
      return size
    },
    add: (id, hash) => {
      makeRoom(1)
      stored[size] = hash
      ids.write(id, size * idBytes, idBytes, 'latin1')
      size++
    },
    addAll: (newIds, hashes) => {
      const count = hashes.length / 8
      if (newIds.length !== count * idBytes) throw new TypeError('there must be as many ids as hashes')
      makeRoom(count)
      ids.write(newIds, size * idBytes, newIds.length, 'latin1')
      for (let i = 0; i < count; i++) stored[size + i] = hashes.readBigInt64BE(i * 8)
      size += count
    },
    near: (hash, distanceMax, most) =>
      scan(stored, size, hash, distanceMax)
        .map(at => ({ at, distance: hashDistance(stored[at] as bigint, hash) }))
        .sort((a, b) => a.distance - b.distance || b.at - a.at)
        .slice(0, most)
        .map(({ at, distance }) => ({ id: ids.toString('latin1', at * idBytes, (at + 1) * idBytes), distance })),
  }
}

/**
 * JavaScript has no instruction that counts bits, and WebAssembly has: it is eight times as quick. This is all of the module, as bytes:
 *
 *   (import "scan" "memory" (memory 1))
 *   (func (export "scan") (param $at i32) (param $end i32) (param $wanted i64) (param $most i32) (param $out i32) (result i32)
 *     (local $first i32)
 *     (local.set $first (local.get $out))
 *     (block (loop
 *       (br_if 1 (i32.ge_u (local.get $at) (local.get $end)))
 *       (if (i32.le_u (i32.wrap_i64 (i64.popcnt (i64.xor (i64.load (local.get $at)) (local.get $wanted)))) (local.get $most))
 *         (then (i32.store (local.get $out) (local.get $at)) (local.set $out (i32.add (local.get $out) (i32.const 4)))))
 *       (local.set $at (i32.add (local.get $at) (i32.const 8)))
 *       (br 0)))
 *     (i32.sub (local.get $out) (local.get $first)))
 */
const moduleBytes = Buffer.from(
  [
    '0061736d01000000',
    // One type, one import, one function, one export.
    '010a0160057f7f7e7f7f017f',
    '021001047363616e066d656d6f7279020001',
    '03020100',
    '070801047363616e0000',
    // Its code.
    '0a43014101017f',
    '20042105',
    '02400340',
    '200020014f0d01',
    '20002903002002857ba720034d',
    '044020042000360200200441046a21040b',
    '200041086a2100',
    '0c000b0b',
    '200420056b0b',
  ].join(''),
  'hex',
)

/** Hashes are copied to it, this many at a time; behind them is room for the places found, all of them at worst. */
const chunkHashes = 65_536
const memory = new WebAssembly.Memory({ initial: (chunkHashes * (8 + 4)) / 65_536 })
const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes), { scan: { memory } })
const scanChunk = instance.exports.scan as (
  at: number,
  end: number,
  wanted: bigint,
  most: number,
  out: number,
) => number
const chunk = new BigInt64Array(memory.buffer, 0, chunkHashes)
const found = new Uint32Array(memory.buffer, chunkHashes * 8, chunkHashes)

/** Where hashes are that differ by few enough bits. */
function scan(hashes: BigInt64Array, size: number, wanted: bigint, distanceMax: number): number[] {
  const places: number[] = []
  for (let start = 0; start < size; start += chunkHashes) {
    const end = Math.min(size, start + chunkHashes)
    chunk.set(hashes.subarray(start, end))
    const count = scanChunk(0, (end - start) * 8, wanted, distanceMax, chunkHashes * 8) / 4
    for (let i = 0; i < count; i++) places.push(start + (found[i] as number) / 8)
  }
  return places
}

/** How many of the 64 bits differ. */
export function hashDistance(a: bigint, b: bigint): number {
  const different = a ^ b
  return countBits(Number(BigInt.asIntN(32, different))) + countBits(Number(BigInt.asIntN(32, different >> 32n)))
}

/** Of 32 bits: pairs, then fours, then bytes are added up side by side. */
function countBits(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
