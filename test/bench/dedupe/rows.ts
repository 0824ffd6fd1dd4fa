/**
 * Libraries of any size: rows of photos as the worker leaves them, with hashes that lie as those of real photos do. They gather round
 * some dozens of ways to compose a picture, so that many are nearer to each other than chance would have them; a tenth are nearly
 * another's; and three in ten were taken within seconds of the one before.
 */
import type { Placement } from '../../../src/core/keys.js'
import type { Database } from '../../../src/db/database.js'

export interface RowSource {
  /** The next hash. */
  hash(): bigint
  /** 0 ≤ x < 1 */
  random(): number
}

const compositions = 60
/** How often a bit of a photo's hash isn't its composition's. */
const flipped = 0.3

export function makeRowSource(seed: number): RowSource {
  let state = seed >>> 0
  // mulberry32
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const bits = (share: number) => {
    let value = 0n
    for (let bit = 0n; bit < 64n; bit++) if (random() < share) value |= 1n << bit
    return value
  }
  const centres = Array.from({ length: compositions }, () => bits(0.5))
  const lately: bigint[] = []
  const hash = () => {
    const near = lately[Math.floor(random() * lately.length)]
    const centre = centres[Math.floor(random() * compositions)] as bigint
    const made = near !== undefined && random() < 0.1 ? near ^ bits(0.05) : centre ^ bits(flipped)
    if (lately.length < 1_000) lately.push(made)
    else lately[Math.floor(random() * lately.length)] = made
    return BigInt.asIntN(64, made)
  }
  return { hash, random }
}

const chunkRows = 10_000

/** `compared`: as if the job had seen them long ago. */
export async function addRows(
  db: Database,
  { person, epoch }: Placement,
  source: RowSource,
  { count, first, compared }: { count: number; first: number; compared: boolean },
): Promise<void> {
  for (let done = 0; done < count; done += chunkRows) {
    const hashes = Array.from({ length: Math.min(chunkRows, count - done) }, () => source.hash())
    let seconds = (first + done) * 400
    const taken = hashes.map(() => {
      seconds += source.random() < 0.3 ? Math.floor(source.random() * 4) : 30 + Math.floor(source.random() * 900)
      return new Date(Date.UTC(1990, 0, 1) + seconds * 1_000).toISOString().slice(0, 19)
    })
    await db.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, verified_at, shown_at, taken_at, state, kind, recipe, width,
         height, camera_make, camera_model, phash, look, compared_at)
       select substr(md5($1 || n) || md5(n || $1), 1, 26), $1, $2, sha256(($1 || n)::bytea), 3000000, now(), now(), taken, taken, 'ready',
         'picture', 1, 4032, 3024, 'Fernweh', 'Fernweh 3', hash, decode(repeat(md5(n::text), 64), 'hex'),
         case when $6 then timestamptz '2025-01-01' + n * interval '1 millisecond' end
       from unnest($3::bigint[], $4::timestamp[]) with ordinality as rows (hash, taken, place), lateral (select $5::bigint + place as n) as numbered`,
      [person, epoch, hashes, taken, first + done, compared],
    )
  }
}
