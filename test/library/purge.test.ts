/**
 * Goal: of a photo that was deleted for good nothing stays in the bucket, whoever was at it at that moment; and what has been in the trash
 * for its time goes by itself, but not before.
 */
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { originalKey, renditionKey } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { recipe } from '../../src/core/renditions.js'
import type { JobQueue, QueuedJob } from '../../src/queue/queue.js'
import { bytes } from '../../src/storage/bucket.js'
import { makeExpireTrash } from '../../workers/purge/expire-trash.js'
import { latePurgeMs, makePurge } from '../../workers/purge/purge.js'
import { makeReconcile } from '../../workers/relay/reconcile.js'
import type { Develop } from '../../workers/thumbnail/develop.js'
import { makeThumbnailJob } from '../../workers/thumbnail/thumbnail-job.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { changesOf, keysOf, readyWith, sentPhoto, shownOf, trashOf } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

const never = new AbortController().signal
const purge = (photo: string) => makePurge(here.db, here.bucket, here.clock)({ photo }, never)
const { trash, restore, remove } = trashOf(
  () => here,
  () => ana,
)
const purgedAt = async (photo: string) =>
  (await here.db.query<{ at: Date | null }>('select purged_at as at from tombstones where photo = $1', [photo]))[0]?.at

/** What the reconciler hands to the queue to purge of this photo. */
async function reconciled(photo: string): Promise<QueuedJob[]> {
  const jobs: QueuedJob[] = []
  const queue: Pick<JobQueue, 'add' | 'countAt'> = {
    add: async more => void jobs.push(...more),
    countAt: async () => 0,
  }
  await makeReconcile(here.db, queue as JobQueue, here.clock, async given => [...given])()
  return jobs.filter(job => job.name === 'purge' && job.data.photo === photo)
}

describe('the objects of a deleted photo', () => {
  test('go, all of them, and those of others stay', async () => {
    const { id: kept } = await addPhoto(here, ana)
    const keys = await keysOf(here, ana)
    const { id } = await addPhoto(here, ana, { renditions: ['256.webp', '1440.jpg'] })
    await here.bucket.put(renditionKey(ana, id, recipe + 1, '256.webp'), bytes(Buffer.from('of another recipe')))
    const multipart = await here.bucket.createMultipart(originalKey(ana, id))
    await remove([id])
    await purge(id)
    await purge(id)
    expect(await keysOf(here, ana)).toEqual(keys)
    expect(keys).toContain(originalKey(ana, kept))
    const begun: string[] = []
    for await (const part of here.bucket.listMultiparts(originalKey(ana, id))) begun.push(part.multipart)
    expect(begun).not.toContain(multipart)
  })

  test('are looked for once more when nothing can come any more, and then no longer', async () => {
    const { id } = await addPhoto(here, ana)
    await remove([id])
    await purge(id)
    expect(await purgedAt(id)).toBeNull()
    await here.bucket.put(renditionKey(ana, id, recipe, '256.webp'), bytes(Buffer.from('late')))
    here.clock.advance(latePurgeMs)
    expect(await reconciled(id)).toEqual([])
    here.clock.advance(1)
    expect(await reconciled(id)).toEqual([{ name: 'purge', data: { photo: id } }])
    await purge(id)
    expect(await purgedAt(id)).toEqual(here.clock.now())
    expect(await keysOf(here, ana)).toEqual([])
    expect(await reconciled(id)).toEqual([])
  })

  test('stay when the photo is there, whatever job is asked for', async () => {
    const { id } = await addPhoto(here, ana)
    await trash([id])
    const keys = await keysOf(here, ana)
    await purge(id)
    await purge(newId())
    expect(await keysOf(here, ana)).toEqual(keys)
  })
})

describe('a worker that is at a photo while it is deleted', () => {
  /** Its original is removed as well, when the worker has read it. */
  const workAt = async (photo: string, during: () => Promise<void>, outcome?: Error) => {
    const lines: string[] = []
    let damaged = 0
    const develop: Develop = async original => {
      for await (const _ of original.bytes);
      await during()
      if (outcome) throw outcome
      const picture = { name: '256.webp', mediaType: 'image/webp', bytes: Buffer.from('small'), width: 4, height: 3 }
      return { ...readyWith(), renditions: [picture], look: null }
    }
    const told: string[] = []
    const job = makeThumbnailJob({
      db: here.db,
      bucket: here.bucket,
      clock: here.clock,
      log: pino({ level: 'warn' }, { write: line => void lines.push(line) }),
      develop,
      onChange: async person => void told.push(person),
      onDamaged: () => void damaged++,
    })
    await job({ photo }, never)
    return { lines, damaged, told }
  }

  test.each([
    ['it is ready', undefined],
    ['it can’t be read', new Unreadable('It is not a picture')],
  ])('leaves nothing behind and tells nobody: %s', async (_, outcome) => {
    const photo = await sentPhoto(here, ana)
    const during = async () => {
      await remove([photo])
      await purge(photo)
    }
    const nothing = { lines: [], damaged: 0, told: [] }
    expect(await workAt(photo, during, outcome)).toEqual(nothing)
    expect(await keysOf(here, ana)).toEqual([])
    expect((await changesOf(here, ana)).at(-1)).toBe(`deleted ${photo}`)
  })

  test('and whose original is gone before it is read sounds no alarm', async () => {
    const photo = await sentPhoto(here, ana)
    const bucket = here.bucket
    const get = bucket.get
    try {
      bucket.get = async (key, options) => {
        bucket.get = get
        await remove([photo])
        await purge(photo)
        return bucket.get(key, options)
      }
      expect(await workAt(photo, async () => {})).toEqual({ lines: [], damaged: 0, told: [] })
    } finally {
      bucket.get = get
    }
  })

  test('while it is only trashed makes it ready as any other', async () => {
    const photo = await sentPhoto(here, ana)
    const { told } = await workAt(photo, async () => void (await trash([photo])))
    expect(told).toEqual([ana.person])
    await restore([photo])
    const response = await here.ask('GET', `/v1/photos/${photo}/renditions/256.webp`, { token: ana.token })
    expect(await response.text()).toBe('small')
  })
})

describe('what has been in the trash for its time', () => {
  const expire = async () => {
    const told: string[] = []
    const onChange = async (person: string) => void told.push(person)
    await makeExpireTrash({ db: here.db, clock: here.clock, onChange, signal: never })()
    return told.filter(person => person === ana.person)
  }

  test('goes, to the day, and what came later stays', async () => {
    const [first, second, kept] = [await sentPhoto(here, ana), await sentPhoto(here, ana), await sentPhoto(here, ana)]
    await trash([first])
    here.clock.advance(1_000)
    await trash([second])
    here.clock.advance(limits.trashLifetimeMs - 1_001)
    expect(await expire()).toEqual([])
    here.clock.advance(1)
    expect(await expire()).toEqual([ana.person])
    expect((await changesOf(here, ana)).at(-1)).toBe(`deleted ${first}`)
    expect(await restore([first, second])).toEqual({ restored: 1 })
    here.clock.advance(1_000)
    expect(await expire()).toEqual([])
    expect(await shownOf(here, ana)).toEqual([second, kept].toSorted())
  })

  test('of a person who moves waits until they have', async () => {
    const photo = await sentPhoto(here, ana)
    await trash([photo])
    here.clock.advance(limits.trashLifetimeMs + 1)
    const set = (state: string) =>
      here.db.query('update placements set state = $2 where person = $1', [ana.person, state])
    await set('frozen')
    expect(await expire()).toEqual([])
    await set('open')
    expect(await expire()).toEqual([ana.person])
  })
})
