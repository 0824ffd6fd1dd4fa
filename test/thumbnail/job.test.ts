/**
 * Goal: a new photo's job leaves it ready, or unreadable or in quarantine with its reason, whatever goes wrong on the way, and tells it
 * once. Pictures are decoded in real processes.
 */
import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { originalKey, type Placement, renditionKey } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { recipe, renditions } from '../../src/core/renditions.js'
import { readChanges } from '../../src/feed/changes.js'
import { type Check, checkContents } from '../../src/library/check/check.js'
import { commitOriginal } from '../../src/library/commit-sql.js'
import { findPhoto } from '../../src/library/photos-sql.js'
import { beginAttempt } from '../../src/library/work-sql.js'
import { type Bucket, bytes } from '../../src/storage/bucket.js'
import { type FaultPlan, faultyBucket, listedFaults } from '../../src/storage/faulty-bucket.js'
import { type Develop, makeDevelop } from '../../workers/thumbnail/develop.js'
import { Broke } from '../../workers/thumbnail/isolated/broke.js'
import { type Decoder, openDecoder } from '../../workers/thumbnail/isolated/decoder.js'
import { makeThumbnailJob } from '../../workers/thumbnail/thumbnail-job.js'
import { startRegion, type TestRegion } from '../http/region.js'
import { draw, readCorners } from './drawing.js'

let here: TestRegion
let ana: Placement
let told: string[]
let errors: unknown[]
let damaged: number
let decoder: Decoder
const log = pino({ level: 'error' }, { write: line => void errors.push(loggedFacts(line)) })
beforeAll(async () => {
  here = await startRegion()
  decoder = openDecoder({ processes: 2, log })
})
afterAll(async () => {
  await decoder.close()
  await here.close()
})
beforeEach(async () => {
  ana = await here.addPerson()
  told = []
  errors = []
  damaged = 0
})

function loggedFacts(line: string): unknown {
  const { photo, missing } = JSON.parse(line)
  return { photo, missing }
}

const picture = () =>
  draw(1600, 1200)
    .withExif({ IFD0: { Model: 'Box' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
const never = new AbortController().signal

/** A photo as the commit leaves it: `kept` is what the bucket holds, if not what was sent. */
async function commit(sent: Buffer, kept: Buffer | undefined = sent): Promise<string> {
  const photo = newId()
  const sha256 = createHash('sha256').update(sent).digest()
  if (kept.length > 0 || sent.length === 0) await here.bucket.put(originalKey(ana, photo), bytes(kept))
  const original = { ...ana, photo, sha256, sizeBytes: sent.length, fileName: null, device: null, modifiedAt: null }
  await here.db.transaction(tx => commitOriginal(tx, original, here.clock.now()))
  return photo
}

function makeJob(plan: FaultPlan = () => undefined, develop: Develop = makeDevelop({ decoder, ffmpeg: undefined })) {
  const onChange = async (person: string) => void told.push(person)
  const onDamaged = () => void damaged++
  const { db, clock } = here
  return makeThumbnailJob({ db, bucket: faultyBucket(here.bucket, plan), clock, log, develop, onChange, onDamaged })
}

const photoOf = async (id: string) => {
  const photo = await findPhoto(here.db, ana, id)
  if (!photo) throw new Error('the photo is gone')
  return photo
}
const kinds = async () => (await readChanges(here.db, ana, undefined)).changes.map(({ kind }) => kind)
const attempts = async (id: string) =>
  (await here.db.query<{ attempts: number }>('select attempts from photos where id = $1', [id]))[0]?.attempts
const keys = async (bucket: Bucket) => {
  const found: string[] = []
  for await (const { key } of bucket.list(`u/${ana.person}/`)) found.push(key)
  return found
}
const failure = (work: Promise<void>) =>
  work.then(
    () => undefined,
    error => error,
  )

describe('a picture', () => {
  test('becomes ready: verified, measured upright, with its renditions under their keys, and told once', async () => {
    const photo = await commit(await picture())
    await makeJob()({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({
      state: 'ready',
      reason: null,
      recipe,
      mediaType: 'image/jpeg',
      width: 1200,
      height: 1600,
      cameraModel: 'Box',
      verifiedAt: here.clock.now(),
    })
    const made = renditions.map(({ name }) => renditionKey(ana, photo, recipe, name))
    expect(await keys(here.bucket)).toEqual([originalKey(ana, photo), ...made].sort())
    for (const key of made) {
      const { body } = await here.bucket.get(key)
      // Turned by a quarter to the right.
      expect(await readCorners(Buffer.concat(await body.toArray()))).toEqual(['blue', 'red', 'yellow', 'green'])
    }
    expect([await kinds(), told]).toEqual([['stored', 'ready'], [ana.person]])
  })

  test('may be worked on twice, also at once: the same result, told once', async () => {
    const photo = await commit(await picture())
    const job = makeJob()
    await Promise.all([job({ photo }, never), job({ photo }, never)])
    const first = await photoOf(photo)
    await job({ photo }, never)
    expect(await photoOf(photo)).toEqual(first)
    expect(await kinds()).toEqual(['stored', 'ready'])
    expect((await keys(here.bucket)).length).toBe(1 + renditions.length)
  })
})

describe('what cannot be shown', () => {
  test.each([
    ['no picture', Buffer.from('a letter to nobody'), "The file isn't a picture of a kind that is known here"],
    ['nothing', Buffer.alloc(0), 'The file is empty'],
  ])('%s: unreadable with the reason, verified, the original kept', async (_, content, reason) => {
    const photo = await commit(content)
    await makeJob()({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({
      state: 'unreadable',
      reason,
      verifiedAt: here.clock.now(),
      recipe: null,
    })
    expect(await keys(here.bucket)).toEqual([originalKey(ana, photo)])
    expect([await kinds(), told, errors]).toEqual([['stored', 'unreadable'], [ana.person], []])
  })

  test('a picture that is cut off is verified, since that is how it came', async () => {
    const whole = await picture()
    const photo = await commit(whole.subarray(0, 700))
    await makeJob()({ photo }, never)
    const found = await photoOf(photo)
    expect(found).toMatchObject({ state: 'unreadable', reason: 'The file ends too early', mediaType: 'image/jpeg' })
    expect(found.verifiedAt).not.toBeNull()
  })

  test.each([
    ['whose bytes changed', 'damaged', 'The stored file is damaged: its bytes are not those that were sent'],
    ['that is gone', 'missing', 'The stored file is missing'],
  ])('an original %s is put in quarantine, not verified, and operators are told', async (_, what, reason) => {
    const sent = await picture()
    const changed = Buffer.from(sent)
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
    const photo = await commit(sent, what === 'damaged' ? changed : Buffer.alloc(0))
    await makeJob()({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({ state: 'quarantined', reason, verifiedAt: null })
    expect([errors, damaged]).toEqual([[{ photo, missing: what === 'missing' }], 1])
    expect(await kinds()).toEqual(['stored', 'quarantined'])

    // Whoever still has it is asked for it again, and it becomes a photo anew.
    const sha256 = createHash('sha256').update(sent).digest('hex')
    const check = async (): Promise<Check> => JSON.parse(await checkContents(here.db, ana, [sha256]))
    expect(await check()).toEqual({ missing: [sha256], here: [], deleted: [] })
    const again = await commit(sent)
    await makeJob()({ photo: again }, never)
    expect((await photoOf(again)).state).toBe('ready')
    expect(await check()).toMatchObject({ missing: [], here: [{ photo: again, verified: true }], deleted: [] })
  })

  test('one bad look at an original is not believed', async () => {
    const photo = await commit(await picture())
    await makeJob(listedFaults({ 'get 1': { kind: 'cut', afterBytes: 500 } }))({ photo }, never).catch(() => {})
    await makeJob()({ photo }, never)
    expect([(await photoOf(photo)).state, errors]).toEqual(['ready', []])
  })
})

describe('a new recipe', () => {
  test('makes a ready photo anew, which stays ready meanwhile', async () => {
    const photo = await commit(await picture())
    await makeJob()({ photo }, never)
    // As the recipe before this one left it.
    await here.db.query('update photos set recipe = $2 where id = $1', [photo, recipe - 1])
    for (const { name } of renditions) {
      await here.bucket.put(renditionKey(ana, photo, recipe - 1, name), bytes(Buffer.from('older')))
    }
    await here.bucket.delete(renditions.map(({ name }) => renditionKey(ana, photo, recipe, name)))
    await makeJob()({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({ state: 'ready', recipe })
    const made = renditions.map(({ name }) => renditionKey(ana, photo, recipe, name))
    expect(await keys(here.bucket)).toEqual([originalKey(ana, photo), ...made].sort())
    expect(await kinds()).toEqual(['stored', 'ready', 'ready'])
  })
})

describe('what fails on the way is no fault of the photo', () => {
  test.each([
    ['reading', listedFaults({ 'get 1': { kind: 'before' } })],
    ['reading on', listedFaults({ 'get 1': { kind: 'cut', afterBytes: 500 } })],
    ['writing the first rendition', listedFaults({ 'put 1': { kind: 'before' } })],
    ['writing the last one', listedFaults({ [`put ${renditions.length}` as const]: { kind: 'after' } })],
  ])('the bucket, when %s: the job fails, costs no attempt, and works the next time', async (_, plan) => {
    const photo = await commit(await picture())
    const job = makeJob(plan)
    expect(isAppError(await failure(job({ photo }, never)), 'unavailable')).toBe(true)
    expect([(await photoOf(photo)).state, await attempts(photo), told]).toEqual(['stored', 0, []])
    await job({ photo }, never)
    expect([(await photoOf(photo)).state, await kinds()]).toEqual(['ready', ['stored', 'ready']])
  })

  test('however often', async () => {
    const photo = await commit(await picture())
    const away = makeJob(call => (call === 'get' ? { kind: 'before' } : undefined))
    for (let i = 0; i < 2 * limits.photoAttempts; i++) await failure(away({ photo }, never))
    await makeJob()({ photo }, never)
    expect((await photoOf(photo)).state).toBe('ready')
  })

  test.each(['reading', 'rendering'])('a worker that is told to end while %s', async phase => {
    const photo = await commit(await picture())
    const stop = new AbortController()
    const stopped = new Error('the worker is shutting down')
    if (phase === 'reading') stop.abort(stopped)
    // The next turn after the bytes were read.
    const plan: FaultPlan = () => void setTimeout(() => stop.abort(stopped), 5)
    expect(await failure(makeJob(plan)({ photo }, stop.signal))).toBe(stopped)
    expect([(await photoOf(photo)).state, await attempts(photo)]).toEqual(['stored', 0])
  })
})

describe('a photo that breaks what decodes it', () => {
  const broken: Develop = async () => Promise.reject(new Broke('Decoding the picture crashed'))

  test('once is tried again, and ready if that goes well', async () => {
    const photo = await commit(await picture())
    expect(await failure(makeJob(undefined, broken)({ photo }, never))).toBeInstanceOf(Broke)
    expect([(await photoOf(photo)).state, told]).toEqual(['stored', []])
    await makeJob()({ photo }, never)
    expect([(await photoOf(photo)).state, await kinds()]).toEqual(['ready', ['stored', 'ready']])
  })

  test('twice is put in quarantine with the reason, told once, and not touched again', async () => {
    const photo = await commit(await picture())
    const job = makeJob(undefined, broken)
    for (let breaks = 1; breaks < limits.photoBreaks; breaks++) await failure(job({ photo }, never))
    await job({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({ state: 'quarantined', reason: 'Decoding the picture crashed' })
    await makeJob()({ photo }, never)
    expect((await photoOf(photo)).state).toBe('quarantined')
    expect([await kinds(), told, damaged]).toEqual([['stored', 'quarantined'], [ana.person], 0])
  })
})

describe('a photo at which workers die', () => {
  // As a process leaves it that died in the middle.
  const die = async (photo: string, times: number) => {
    for (let death = 0; death < times; death++) await beginAttempt(here.db, photo, recipe)
  }

  test('again and again is put in quarantine', async () => {
    const photo = await commit(await picture())
    await die(photo, limits.photoAttempts)
    const job = makeJob()
    await job({ photo }, never)
    expect(await photoOf(photo)).toMatchObject({ state: 'quarantined', verifiedAt: null })
    await job({ photo }, never)
    expect([await kinds(), told]).toEqual([['stored', 'quarantined'], [ana.person]])
  })

  test('has its last attempt', async () => {
    const photo = await commit(await picture())
    await die(photo, limits.photoAttempts - 1)
    await makeJob()({ photo }, never)
    expect((await photoOf(photo)).state).toBe('ready')
  })
})

test('a photo that is not there is no work', async () => {
  await makeJob()({ photo: newId() }, never)
  expect(told).toEqual([])
})
