/** Goal: a feed without gaps, whoever commits at once and whatever rolls back, read page by page; writes only where open. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAppError } from '../src/core/errors.js'
import { newId } from '../src/core/ids.js'
import type { Placement } from '../src/core/keys.js'
import { photoStates } from '../src/core/photo-state.js'
import { formatCursor, parseCursor, readChanges } from '../src/feed/changes.js'
import { appendChange, appendChanges, createFeed } from '../src/feed/changes-sql.js'
import { requireOpenPlacement } from '../src/regions/placements-sql.js'
import { addPhoto, startRegion, type TestRegion } from './http/region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

describe('cursors', () => {
  test.each(['1.0', '1.1', '2147483647.9007199254740991', '1.0.1', '3.41.42'])('%s reads as it was written', text => {
    const cursor = parseCursor(text)
    expect(cursor && formatCursor(cursor)).toBe(text)
  })

  test.each([
    '',
    '1',
    '1.',
    '.1',
    '0.1',
    '01.1',
    '1.01',
    '-1.1',
    '1.-1',
    '1.1 ',
    '1.1e3',
    '2147483648.1',
    '1.9007199254740992',
    '1.1.',
    '1.0.0',
    '1.5.5',
    '1.5.4',
    '1.1.2.3',
    '1.1.9007199254740992',
  ])('%j is none', text => {
    expect(parseCursor(text)).toBeUndefined()
  })
})

const append = (placement: Placement) =>
  here.db.transaction(tx =>
    appendChange(tx, { ...placement, kind: 'stored', photo: newId(), at: new Date(Date.UTC(2025, 0, 1)) }),
  )

describe('the feed', () => {
  test('counts without gaps under commits at once and roll-backs', async () => {
    const ana = await here.addPerson()
    const attempts = Array.from({ length: 30 }, async (_, i) => {
      if (i % 3 !== 0) return append(ana)
      const rolledBack = here.db.transaction(async tx => {
        await appendChange(tx, { ...ana, kind: 'stored', photo: newId(), at: new Date() })
        throw new RangeError('rolled back')
      })
      await expect(rolledBack).rejects.toThrow(RangeError)
      return 0
    })
    const told = (await Promise.all(attempts)).filter(seq => seq > 0).sort((a, b) => a - b)
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    const { changes } = await readChanges(here.db, ana, undefined)
    expect(changes.map(({ seq }) => seq)).toEqual(told)
  })

  test('tells whatever a photo comes to', async () => {
    const ana = await here.addPerson()
    const at = here.clock.now()
    for (const kind of photoStates) {
      await here.db.transaction(tx => appendChange(tx, { ...ana, kind, photo: newId(), at }))
    }
    const { changes } = await readChanges(here.db, ana, undefined)
    expect(changes.map(({ kind }) => kind)).toEqual(photoStates)
  })

  test('pages follow each other until there is no more, and start again where they ended', async () => {
    const ana = await here.addPerson()
    for (let i = 0; i < 5; i++) await append(ana)
    const seen: number[] = []
    let cursor: { epoch: number; seq: number } | undefined
    let pages = 0
    for (let more = true; more && pages < 10; pages++) {
      const page = await readChanges(here.db, ana, cursor, 2)
      seen.push(...page.changes.map(({ seq }) => seq))
      cursor = page.cursor
      more = page.more
    }
    expect([pages, seen]).toEqual([3, [1, 2, 3, 4, 5]])
    expect(await readChanges(here.db, ana, cursor, 2)).toEqual({
      changes: [],
      cursor: { epoch: 1, seq: 5 },
      more: false,
      reset: false,
    })
    await append(ana)
    expect((await readChanges(here.db, ana, cursor, 2)).changes.map(({ seq }) => seq)).toEqual([6])
  })

  test('a cursor of an epoch that has not come is refused; of an earlier one it counts as it is', async () => {
    const ana = await here.addPerson()
    for (let i = 0; i < 3; i++) await append(ana)
    await expect(readChanges(here.db, ana, { epoch: 2, seq: 0 })).rejects.toSatisfy(error =>
      isAppError(error, 'invalid'),
    )
    await here.db.query('insert into placements values ($1, 2, $2)', [ana.person, 'staging'])
    await createFeed(here.db, { person: ana.person, epoch: 2 }, { seq: 3, floor: 2 })
    expect(await append({ person: ana.person, epoch: 2 })).toBe(4)
    const page = await readChanges(here.db, { person: ana.person, epoch: 2 }, { epoch: 1, seq: 3 })
    expect(page).toMatchObject({ changes: [{ seq: 4 }], cursor: { epoch: 2, seq: 4 }, more: false, reset: false })
    // What was forgotten in the epoch before stays so: who was behind it then begins anew.
    expect((await readChanges(here.db, { person: ana.person, epoch: 2 }, { epoch: 1, seq: 1 })).reset).toBe(true)
  })

  test('a cursor beyond its end is of a feed that is no more: all is listed anew', async () => {
    const ana = await here.addPerson()
    await append(ana)
    const page = await readChanges(here.db, ana, { epoch: 1, seq: 2 })
    expect(page).toMatchObject({ changes: [{ seq: 1 }], cursor: { epoch: 1, seq: 1 }, reset: true })
  })

  test('comes with what each thing is when the page is read', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const fileName = 'a "name"\n\\ 夏 😀.jpg'
    const [whole, part, his] = [
      await addPhoto(here, ana, { fileName, shownAt: '2024-02-29T12:00:00.5' }),
      await addPhoto(here, ana, { state: 'quarantined', fileName: null }),
      await addPhoto(here, ben),
    ]
    const gone = newId()
    const [album, goneAlbum] = [newId(), newId()]
    const [storedAt, at] = [new Date(Date.UTC(2025, 0, 2, 3, 4, 5, 6)), new Date(Date.UTC(2025, 0, 1))]
    await here.db.query(
      `update photos set stored_at = $2, verified_at = now(), thumbhash = '\\x0102ff', width = 4, height = 3, kind = 'picture',
         taken_at = '2024-02-29T12:00:00.5', taken_offset_minutes = -90, favourite = true, rating = 5, description = 'At the sea' where id = $1`,
      [whole.id, storedAt],
    )
    await here.db.query(
      `update photos set stored_at = $3, part_of = $2, role = 'edit', trashed_at = $3 where id = $1`,
      [part.id, whole.id, storedAt],
    )
    await here.db.query('insert into albums values ($1, $2, 1, $3, $4)', [album, ana.person, 'Sea', storedAt])
    await here.db.query('insert into album_photos values ($1, $2, now())', [album, whole.id])
    await here.db.transaction(async tx => {
      const { person, epoch } = ana
      const photos = [whole.id, part.id, gone, his.id]
      await appendChanges(tx, { person, epoch, kind: 'edited', photos, at })
      await appendChanges(tx, { person, epoch, kind: 'deleted', photos: [], at })
      for (const id of [album, goneAlbum]) await appendChange(tx, { person, epoch, kind: 'album', album: id, at })
      await appendChanges(tx, { person, epoch, kind: 'added', album, photos: [whole.id, part.id], at })
    })
    const response = await here.ask('GET', '/v1/sync/changes', { token: ana.token })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const common = { sizeBytes: 42, mediaType: 'image/jpeg', archived: false, durationMs: null }
    const empty = { width: null, height: null, kind: null, thumbhash: null, takenAt: null, takenOffsetMinutes: null }
    const stored = { storedAt: '2025-01-02T03:04:05.006Z' }
    const wholeNow = {
      ...common,
      ...stored,
      ...{ sha256: whole.sha256, fileName, state: 'ready', reason: null, verified: true, width: 4, height: 3 },
      ...{ kind: 'picture', thumbhash: 'AQL/', takenAt: '2024-02-29T12:00:00.5', takenOffsetMinutes: -90 },
      ...{ shownAt: '2024-02-29T12:00:00.5', favourite: true, rating: 5, description: 'At the sea', trashedAt: null },
      ...{ partOf: null, role: null, renditions: ['256.webp'] },
      sizeBytes: whole.content.length,
    }
    const partNow = {
      ...common,
      ...stored,
      ...empty,
      ...{ sha256: part.sha256, fileName: null, state: 'quarantined', reason: 'Opening this file failed twice' },
      ...{ verified: false, shownAt: '2025-06-01T12:00:00', favourite: false, rating: null, description: null },
      ...{ trashedAt: stored.storedAt, partOf: whole.id, role: 'edit', renditions: [] },
      sizeBytes: part.content.length,
    }
    const made = { at: at.toISOString() }
    expect(await response.json()).toEqual({
      changes: [
        { seq: 1, kind: 'edited', ...made, photo: whole.id, now: wholeNow },
        { seq: 2, kind: 'edited', ...made, photo: part.id, now: partNow },
        { seq: 3, kind: 'edited', ...made, photo: gone, now: null },
        { seq: 4, kind: 'edited', ...made, photo: his.id, now: null },
        { seq: 5, kind: 'album', ...made, album, now: { name: 'Sea', createdAt: stored.storedAt } },
        { seq: 6, kind: 'album', ...made, album: goneAlbum, now: null },
        { seq: 7, kind: 'added', ...made, photo: whole.id, album, now: { member: true } },
        { seq: 8, kind: 'added', ...made, photo: part.id, album, now: { member: false } },
      ],
      cursor: '1.8',
      more: false,
    })
  })

  test('nobody sees another’s', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    await append(ana)
    expect((await readChanges(here.db, ben, undefined)).changes).toEqual([])
  })
})

describe('a placement', () => {
  test.each([
    ['open', undefined],
    ['staging', 'unavailable'],
    ['frozen', 'unavailable'],
    ['erasing', 'misdirected'],
    ['erased', 'misdirected'],
  ] as const)('that is %s: writing is %s', async (state, kind) => {
    const { person, epoch } = await here.addPerson()
    await here.db.query('update placements set state = $2 where person = $1', [person, state])
    const outcome = await here.db.transaction(tx => requireOpenPlacement(tx, person, epoch)).catch(error => error)
    expect(outcome?.kind).toBe(kind)
    if (kind === 'unavailable') expect(outcome.retryAfterSeconds).toBeGreaterThan(0)
  })

  test('that never was: misdirected', async () => {
    const { person } = await here.addPerson()
    const outcome = here.db.transaction(tx => requireOpenPlacement(tx, person, 7))
    await expect(outcome).rejects.toSatisfy(error => isAppError(error, 'misdirected'))
  })

  test('cannot freeze while a write that saw it open is not committed', async () => {
    const { person, epoch } = await here.addPerson()
    const order: string[] = []
    let freeze: Promise<unknown> = Promise.resolve()
    await here.db.transaction(async tx => {
      await requireOpenPlacement(tx, person, epoch)
      freeze = here.db
        .query(`update placements set state = 'frozen' where person = $1`, [person])
        .then(() => order.push('frozen'))
      await new Promise(resolve => setTimeout(resolve, 200))
      order.push('written')
    })
    await freeze
    expect(order).toEqual(['written', 'frozen'])
  })
})
