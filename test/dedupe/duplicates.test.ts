/** Goal: what the API shows of near duplicates: groups of two or more in a stable order, each with the one to keep, page by page. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { type DuplicateGroup, groupId } from '../../src/library/duplicates/duplicates.js'
import { addPhoto, readProblem, type TestPerson, type TestRegion } from '../http/region.js'
import { startDedupeScene } from './scene.js'

let here: TestRegion
beforeAll(async () => {
  here = (await startDedupeScene()).here
})
afterAll(() => here.close())

interface Page {
  groups: DuplicateGroup[]
  cursor: string | null
}

const getPage = async ({ token }: TestPerson, query = ''): Promise<Page> => {
  const response = await here.ask('GET', `/v1/duplicates${query}`, { token })
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

interface Row {
  group: string
  of?: 'same' | 'similar'
  width?: number
  height?: number
  sizeBytes?: number
  /** null: it has nothing any more that it could be compared by. */
  phash?: bigint | null
  state?: string
  partOf?: string
}

async function add(person: TestPerson, row: Row): Promise<string> {
  const { group, of = 'same', width = 400, height = 300, sizeBytes = 1_000, phash = 0n, state = 'ready', partOf } = row
  here.clock.advance(1_000)
  const { id } = await addPhoto(here, person)
  await here.db.query(
    `update photos set ${of === 'same' ? 'same_group' : 'similar_group'} = $2, width = $3, height = $4, size_bytes = $5, phash = $6,
       state = $7, reason = 'It is cut off', part_of = $8, role = case when $8::text is not null then 'motion' end, taken_at = '2025-06-01T10:00:00' where id = $1`,
    [id, group, width, height, sizeBytes, phash, state, partOf],
  )
  return id
}

let second = 0
const newGroup = () => groupId(new Date(++second * 1_000), newId())

test('a group says which, how far from the one to keep, how large, and from when', async () => {
  const ana = await here.addPerson()
  const group = newGroup()
  const small = await add(ana, { group, width: 200, height: 150, phash: 0b1011n })
  const large = await add(ana, { group, phash: -1n })
  expect(await getPage(ana)).toEqual({
    groups: [
      {
        id: group,
        class: 'same',
        keep: large,
        count: 2,
        photos: [
          {
            id: large,
            distance: 0,
            sizeBytes: 1_000,
            width: 400,
            height: 300,
            takenAt: '2025-06-01T10:00:00',
            fileName: 'IMG_1.jpg',
            mediaType: 'image/jpeg',
          },
          expect.objectContaining({ id: small, distance: 61, width: 200, height: 150 }),
        ],
      },
    ],
    cursor: null,
  })
})

test('the one to keep has the most pixels, then the most bytes, then came first', async () => {
  const ana = await here.addPerson()
  const group = newGroup()
  const first = await add(ana, { group })
  const later = await add(ana, { group })
  const heavier = await add(ana, { group, sizeBytes: 1_001 })
  const largest = await add(ana, { group, width: 301, height: 400, sizeBytes: 1 })
  const { groups } = await getPage(ana)
  expect(groups[0]?.photos.map(({ id }) => id)).toEqual([largest, heavier, first, later])
  expect(groups[0]?.keep).toBe(largest)
})

test('what is alone, no longer readable or comparable, or the half of another photo is no duplicate', async () => {
  const ana = await here.addPerson()
  const [alone, broken, half, blank] = [newGroup(), newGroup(), newGroup(), newGroup()]
  await add(ana, { group: alone })
  await add(ana, { group: broken })
  await add(ana, { group: broken, state: 'unreadable' })
  const picture = await add(ana, { group: half })
  await add(ana, { group: half, partOf: picture })
  await add(ana, { group: blank })
  await add(ana, { group: blank, phash: null })
  expect(await getPage(ana)).toEqual({ groups: [], cursor: null })
})

describe('many', () => {
  let ana: TestPerson
  const groups: string[] = []
  beforeAll(async () => {
    ana = await here.addPerson()
    for (let i = 0; i < 5; i++) {
      groups.push(newGroup())
      await add(ana, { group: groups[i] as string })
      await add(ana, { group: groups[i] as string })
      await add(ana, { group: newGroup() })
    }
    const similar = newGroup()
    await add(ana, { group: similar, of: 'similar' })
    await add(ana, { group: similar, of: 'similar' })
  })

  test('come page by page, the oldest first, none twice and none left out', async () => {
    const seen: string[] = []
    let query = '?class=same&limit=2'
    for (;;) {
      const { groups, cursor } = await getPage(ana, query)
      seen.push(...groups.map(({ id }) => id))
      if (cursor === null) break
      expect(groups).toHaveLength(2)
      query = `?class=same&limit=2&after=${cursor}`
    }
    expect(seen).toEqual(groups)
  })

  test('are of one class at a time, and of one person', async () => {
    const { groups } = await getPage(ana, '?class=similar')
    expect(groups.map(({ class: of, count }) => [of, count])).toEqual([['similar', 2]])
    expect(await getPage(await here.addPerson())).toEqual({ groups: [], cursor: null })
  })
})

test.each(['?class=other', '?after=x', '?limit=0', '?limit=201', '?limit=x', '?after=%00'])(
  '%s is refused in words',
  async query => {
    const { token } = await here.addPerson()
    const response = await here.ask('GET', `/v1/duplicates${query}`, { token })
    expect(await readProblem(response)).toMatchObject({ status: 400, kind: 'invalid', detail: expect.any(String) })
  },
)

test('nobody sees them without signing in', async () => {
  expect((await here.ask('GET', '/v1/duplicates')).status).toBe(401)
})
