/**
 * Goal: however pages are split, repeated, delayed and interrupted, and whatever happens to the library and its feed between
 * them, a mirror that was read to the end holds exactly what the library holds.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChangesPage, type Mirror, makeMirror, restoreMirror } from '../../src/client/index.js'
import { seededRandom } from '../support/seed.js'
import { contentOf, type FeedModel, makeFeedModel } from './feed-model.js'

const photo = fc.nat({ max: 11 }).map(number => `p${number}`)
const album = fc.nat({ max: 5 }).map(number => `a${number}`)
const gone = new WeakMap<FeedModel, Set<string>>()

/** Ids of what was deleted are never used again, as the service has it. */
const once = (model: FeedModel, id: string, act: () => void) => {
  const used = gone.get(model) ?? new Set()
  if (!used.has(id)) act()
}
const bury = (model: FeedModel, id: string) => gone.set(model, (gone.get(model) ?? new Set()).add(id))

/** A step of the library. */
type Step = (model: FeedModel) => void
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: photo.map(
      (id): Step =>
        model =>
          once(model, id, () => model.store(id)),
    ),
  },
  photo.map(
    (id): Step =>
      model =>
        model.edit(id),
  ),
  fc.tuple(photo, fc.boolean()).map(
    ([id, trashed]): Step =>
      model =>
        model.setTrashed(id, trashed),
  ),
  photo.map(
    (id): Step =>
      model => {
        if (!model.photos.has(id)) return
        model.deletePhoto(id)
        bury(model, id)
      },
  ),
  fc.tuple(album, fc.constantFrom('Sea', 'Hills')).map(
    ([id, name]): Step =>
      model =>
        once(model, id, () => model.putAlbum(id, name)),
  ),
  album.map(
    (id): Step =>
      model => {
        if (!model.albums.has(id)) return
        model.deleteAlbum(id)
        bury(model, id)
      },
  ),
  {
    weight: 4,
    arbitrary: fc.tuple(album, photo, fc.boolean()).map(
      ([a, p, member]): Step =>
        model =>
          model.setMember(a, p, member),
    ),
  },
  fc.constantFrom(0, 0.5, 1, 1).map(
    (share): Step =>
      model =>
        model.compact(Math.floor(model.end * share)),
  ),
)

/** What the reader does: reads a page, is given one of the pages before once more, or ends and begins again from what it kept. */
type Turn = { steps: Step[]; reads: boolean; entries: number; again: number; restart: boolean }
const turn: fc.Arbitrary<Turn> = fc.record({
  steps: fc.array(step, { maxLength: 8, size: 'max' }),
  reads: fc.nat({ max: 2 }).map(number => number > 0),
  entries: fc.integer({ min: 1, max: 15 }),
  again: fc.nat(),
  restart: fc.boolean(),
})

interface Delivered {
  page: ChangesPage
  asked: string | undefined
}

function read(model: FeedModel, mirror: Mirror, entries: number): Delivered {
  const delivered = { page: model.page(mirror.cursor, entries), asked: mirror.cursor }
  expect(mirror.apply(delivered.page, delivered.asked)).toBe(true)
  return delivered
}

const parameters = () => ({ seed: seededRandom().seed, numRuns: 1_000 })

test('any library, any pages, repeated and restarted: in step at the end', () => {
  let resets = 0
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 16, size: 'max' }), turns => {
      const model = makeFeedModel()
      let mirror = makeMirror()
      const before: Delivered[] = []
      for (const { steps, reads, entries, again, restart } of turns) {
        for (const act of steps) act(model)
        if (!reads) continue
        const delivered = read(model, mirror, entries)
        if (delivered.page.reset) resets++
        before.push(delivered)
        const repeated = before[again % before.length] as Delivered
        mirror.apply(repeated.page, repeated.asked)
        if (restart) mirror = restoreMirror(mirror.serialize())
      }
      let last = read(model, mirror, 3)
      for (let page = 0; last.page.more && page < 1_000; page++) last = read(model, mirror, 3)
      expect(last.page.more).toBe(false)
      expect(mirror.listing).toBe(false)
      expect(contentOf(mirror)).toEqual(model.content())
      // What stays once there is nothing more is the same again.
      const text = mirror.serialize()
      read(model, mirror, 3)
      expect(mirror.serialize()).toBe(text)
    }),
    parameters(),
  )
  // Else it would have shown nothing about them.
  expect(resets).toBeGreaterThan(20)
})

test('a fresh mirror and one that followed all along hold the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 7 }), (steps, entries) => {
      const model = makeFeedModel()
      const old = makeMirror()
      for (const act of steps) {
        act(model)
        while (read(model, old, entries).page.more);
      }
      const fresh = makeMirror()
      while (read(model, fresh, entries).page.more);
      expect(contentOf(fresh)).toEqual(contentOf(old))
      expect(contentOf(fresh)).toEqual(model.content())
    }),
    parameters(),
  )
})

describe('a page', () => {
  const model = () => {
    const model = makeFeedModel()
    for (const id of ['p0', 'p1', 'p2']) model.store(id)
    return model
  }

  test('that answers another cursor than the mirror’s is passed over', () => {
    const mirror = makeMirror()
    const feed = model()
    const first = read(feed, mirror, 2)
    feed.deletePhoto('p0')
    while (read(feed, mirror, 2).page.more);
    expect(mirror.apply(first.page, first.asked)).toBe(false)
    expect([...mirror.photos.keys()]).toEqual(['p1', 'p2'])
  })

  test('that begins a listing drops nothing before the listing’s end', () => {
    const mirror = makeMirror()
    const feed = model()
    while (read(feed, mirror, 5).page.more);
    feed.deletePhoto('p1')
    feed.store('p3')
    feed.compact(feed.end)
    const { page } = read(feed, mirror, 1)
    expect(page).toMatchObject({ reset: true, more: true })
    expect([mirror.listing, mirror.photos.has('p1')]).toEqual([true, true])
    while (read(feed, mirror, 1).page.more);
    expect([mirror.listing, [...mirror.photos.keys()].sort()]).toEqual([false, ['p0', 'p2', 'p3']])
  })
})

test.each([
  ['', 'nothing'],
  ['{', 'half of it'],
  ['{"version":2,"photos":[],"albums":[],"members":[]}', 'another version'],
  ['{"version":1,"photos":[["p0",{"sha256":1}]],"albums":[],"members":[]}', 'entries that are none'],
])('%s is no kept mirror', text => {
  expect(() => restoreMirror(text)).toThrow(expect.objectContaining({ kind: 'invalid' }))
})
