/** Goal: a photo has as many parts as the limit says and no more, however they come; what is there already is not refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Placement } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { recordReady } from '../../src/library/work-sql.js'
import { startRegion, type TestRegion } from '../http/region.js'
import { originalsOf } from './originals.js'
import { beginWork, readyWith } from './trash-scene.js'

let here: TestRegion
let ana: Placement
let photos: ReturnType<typeof originalsOf>
let whole: string
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  photos = originalsOf(here.db, ana)
  whole = (await photos.send('whole')).photo
})

const part = (role: 'motion' | 'edit' | 'sidecar') => ({ partOf: { photo: whole, role } })
const refused = { kind: 'conflict', message: expect.stringContaining(`${limits.partsPerPhoto} parts`) }

/** As many parts as there may be. */
async function fill(): Promise<void> {
  for (let count = 0; count < limits.partsPerPhoto; count++)
    await photos.send(`part ${count}`, part(count % 2 ? 'edit' : 'sidecar'))
}

describe('of a photo that has as many parts as there can be', () => {
  beforeEach(fill)

  test.each(['motion', 'edit', 'sidecar'] as const)(
    'one more is refused, and nothing is left of it: %s',
    async role => {
      const before = await photos.changes()
      await expect(photos.send('one more', part(role))).rejects.toMatchObject(refused)
      expect(await photos.rows('one more')).toEqual([])
      expect(await photos.changes()).toEqual(before)
    },
  )

  test('those that are there may come again, also one that was lost', async () => {
    expect(await photos.send('part 1', part('edit'))).toMatchObject({ duplicate: true })
    const [lost] = await photos.rows('part 0')
    await photos.lose(lost?.id as string)
    expect(await photos.send('part 0', part('sidecar'))).toMatchObject({ duplicate: false })
    await expect(photos.send('one more', part('edit'))).rejects.toMatchObject(refused)
  })

  test('a photo that is sent as one more stays a photo of its own', async () => {
    const { photo } = await photos.send('lone')
    expect(await photos.send('lone', part('edit'))).toEqual({ photo, duplicate: true, deleted: false })
    expect(await photos.rows('lone')).toMatchObject([{ partOf: null }])
  })

  test('the video of a Live Photo stays one of its own', async () => {
    const { photo: video } = await photos.send('film')
    await recordReady(here.db, await beginWork(here, whole), readyWith({ live: 'L1' }), here.clock.now())
    await recordReady(here.db, await beginWork(here, video), readyWith({ live: 'L1' }, 'video'), here.clock.now())
    expect(await photos.rows('film')).toMatchObject([{ partOf: null }])
  })
})

test('many that come at once are not more than that', async () => {
  const sent = await Promise.allSettled(
    Array.from({ length: limits.partsPerPhoto + 20 }, (_, count) => photos.send(`part ${count}`, part('edit'))),
  )
  const failures = sent.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  expect(failures).toHaveLength(20)
  for (const failure of failures) expect(failure).toMatchObject(refused)
})
