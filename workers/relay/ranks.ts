/**
 * In which order jobs are due, so that nobody waits for another's thousands. A photo's priority is its rank among those of its own
 * person that wait: the first of each person come before the second of anyone, whoever has how many. It is given when the job is
 * handed over and stays as it is.
 *
 * Within one person's photos newer ones come before older ones, by bands of age: a photo is ranked among those of its own band and
 * of newer ones, so a photo of today is behind those of today alone, however many old ones wait. Within a band it is the
 * order in which they came. So at most as many of a person share a rank as there are bands.
 *
 * All waiting photos of the persons in question are counted, by an index. Whoever has many is therefore counted rarely: a count
 * of n is good for n/10 ms, during which what is handed over here is added to it; 50,000 are counted once in 5 s.
 */
import type { Clock } from '../../src/core/clock.js'
import type { Database } from '../../src/db/database.js'
import { countWaitingOf, findQueued, type QueuedPhoto } from '../../src/library/waiting-sql.js'
import type { Job } from '../../src/queue/jobs.js'
import { backgroundPriority, type QueuedJob } from '../../src/queue/queue.js'

const dayMs = 24 * 3600_000
/** Ages at which bands meet, oldest first, as the library wants them. "Today" is two days wide: wall clocks have no zone. */
const bandAgesMs = [512, 128, 32, 8, 2].map(days => days * dayMs)

/** Photos of one person that wait and stand before the next one, by band. */
interface Standing {
  counts: number[]
  goodUntilMs: number
}

/** Above it an original takes so long to read that it goes where no photo waits behind it: some seconds from a slow bucket. */
const largeBytes = 64 * 2 ** 20

/** Gives jobs of photos their priority, and those of large originals their queue. Other jobs stay as they are. */
export type Rank = (jobs: readonly Job[]) => Promise<QueuedJob[]>

export function makeRank(db: Database, clock: Clock): Rank {
  const kept = new Map<string, Standing>()

  /** How it stands with each of their owners now. */
  const standingsOf = async (photos: readonly QueuedPhoto[], bounds: readonly Date[], nowMs: number) => {
    for (const [key, { goodUntilMs }] of kept) if (goodUntilMs <= nowMs) kept.delete(key)
    const standings = new Map(kept)
    const asked = new Map<string, { person: string; epoch: number; before: Date }>()
    for (const { person, epoch, storedAt } of photos) {
      const key = keyOf({ person, epoch })
      // They come in the order of their time, so this is the first of each person.
      if (!standings.has(key) && !asked.has(key)) asked.set(key, { person, epoch, before: storedAt })
    }
    if (asked.size === 0) return standings
    for (const key of asked.keys())
      standings.set(key, { counts: bandAgesMs.map(() => 0).concat(0), goodUntilMs: nowMs })
    for (const row of await countWaitingOf(db, [...asked.values()], bounds)) {
      const counts = standings.get(keyOf(row))?.counts
      if (counts) counts[row.band] = row.count
    }
    for (const key of asked.keys()) {
      const { counts } = standings.get(key) as Standing
      kept.set(key, { counts, goodUntilMs: nowMs + sum(counts) / 10 })
    }
    return standings
  }

  return async jobs => {
    const nowMs = clock.now().getTime()
    const bounds = bandAgesMs.map(ageMs => new Date(nowMs - ageMs))
    const ids = jobs.flatMap(job => (job.name === 'thumbnail' ? [job.data.photo] : []))
    const photos = ids.length === 0 ? [] : await findQueued(db, ids, bounds)
    const waiting = photos.filter(photo => photo.waits)
    const standings = await standingsOf(waiting, bounds, nowMs)
    const places = new Map<string, { name: 'thumbnail' | 'large'; priority: number }>()
    for (const photo of photos) {
      const name = photo.sizeBytes > largeBytes ? 'large' : 'thumbnail'
      const counts = photo.waits ? standings.get(keyOf(photo))?.counts : undefined
      // One that people can see already is done again when nothing else waits.
      const rank = counts ? 1 + sum(counts.slice(photo.band)) : backgroundPriority
      places.set(photo.id, { name, priority: Math.min(rank, backgroundPriority - (counts ? 1 : 0)) })
      if (counts) counts[photo.band] = (counts[photo.band] ?? 0) + 1
    }
    return jobs.map(job =>
      job.name === 'thumbnail' ? { ...job, ...(places.get(job.data.photo) ?? { priority: 1 }) } : job,
    )
  }
}

const keyOf = ({ person, epoch }: { person: string; epoch: number }) => `${person} ${epoch}`
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
