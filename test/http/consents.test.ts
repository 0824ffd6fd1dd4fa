/** Goal: places are kept only while their owner agrees; the ledger tells what held when, and to which words; a yes has the originals read again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasConsent } from '../../src/accounts/consents-sql.js'
import { recipe } from '../../src/core/renditions.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

const answer = async ({ token }: TestPerson, granted: unknown) =>
  here.ask('PUT', '/v1/consents/places', { token, json: { granted } })

const ask = async ({ token }: TestPerson) => {
  const { places } = (await (await here.ask('GET', '/v1/consents', { token })).json()) as { places: unknown }
  return { places }
}

const ledger = ({ person }: TestPerson, purpose = 'places') =>
  here.db.query('select purpose, version, granted, at from consents where person = $1 and purpose = $2 order by id', [
    person,
    purpose,
  ])

/** A photo with a place, as a worker would have left it. */
async function addPlaced(person: TestPerson): Promise<string> {
  const { id } = await addPhoto(here, person)
  await here.db.query('update photos set latitude = 1.5, longitude = -2.5 where id = $1', [id])
  return id
}

const rowOf = async (id: string) => {
  const [row] = await here.db.query('select latitude, longitude, recipe from photos where id = $1', [id])
  return row
}

describe('the ledger', () => {
  test('nobody agrees by themselves', async () => {
    const ana = await here.addPerson()
    expect(await ask(ana)).toEqual({ places: { granted: false } })
    expect(await here.db.transaction(tx => hasConsent(tx, ana.person, 'places'))).toBe(false)
  })

  test('keeps every change of mind, and the same answer once', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const told: object[] = []
    for (const granted of [true, true, false, true]) {
      const at = here.clock.now()
      const response = await answer(ana, granted)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ places: { granted } })
      if (told.length === 0 || (told.at(-1) as { granted: boolean }).granted !== granted)
        told.push({ purpose: 'places', version: 1, granted, at })
      here.clock.advance(1_000)
    }
    expect(await ledger(ana)).toEqual(told)
    const last = told.at(-1) as { at: Date }
    expect(await ask(ana)).toEqual({ places: { granted: true, version: 1, at: last.at.toISOString() } })
    expect(await here.db.transaction(tx => hasConsent(tx, ana.person, 'places'))).toBe(true)
    expect(await ask(ben)).toEqual({ places: { granted: false } })
  })

  test('two answers at once are two lines or one, never a mixture', async () => {
    const ana = await here.addPerson()
    await Promise.all([answer(ana, true), answer(ana, true), answer(ana, true)])
    expect(await ledger(ana)).toHaveLength(1)
  })

  test.each([undefined, null, 'true', 1])('%j is no answer', async granted => {
    const ana = await here.addPerson()
    expect(await readProblem(await answer(ana, granted))).toMatchObject({ status: 400, kind: 'invalid' })
    expect(await ledger(ana)).toEqual([])
  })

  test('is for its owner: a session from its own page, or a device', async () => {
    const ana = await here.addPerson()
    const wish = { json: { granted: true } }
    expect((await here.ask('PUT', '/v1/consents/places', wish)).status).toBe(401)
    expect((await here.ask('GET', '/v1/consents')).status).toBe(401)
    const foreign = { ...wish, cookie: ana.cookie, headers: { 'Sec-Fetch-Site': 'cross-site' } }
    expect((await here.ask('PUT', '/v1/consents/places', foreign)).status).toBe(403)
    expect(await ledger(ana)).toEqual([])
    const own = { ...wish, cookie: ana.cookie, headers: { 'Sec-Fetch-Site': 'same-origin' } }
    expect((await here.ask('PUT', '/v1/consents/places', own)).status).toBe(200)
    expect((await here.ask('PUT', '/v1/consents/faces', { ...wish, token: ana.token })).status).toBe(404)
  })
})

describe('sending photos', () => {
  const answerSync = (token: string, json: object) => here.ask('PUT', '/v1/consents/sync', { token, json })
  const agrees = async ({ token }: TestPerson) => {
    const me = (await (await here.ask('GET', '/v1/me', { token })).json()) as { agreesToSync: boolean }
    return me.agreesToSync
  }

  test('adding a device is a yes, unless it is left to be asked for; a no outlives it', async () => {
    const ana = await here.addPerson()
    const yes = { purpose: 'sync', version: 1, granted: true, at: here.clock.now() }
    expect([await agrees(ana), await ledger(ana, 'sync')]).toEqual([true, [yes]])
    expect((await answerSync(ana.token, { granted: false })).status).toBe(200)
    await here.accounts.addDevice(ana.person, 'tablet')
    expect([await agrees(ana), await ledger(ana, 'sync')]).toEqual([false, [yes, { ...yes, granted: false }]])

    const ben = await here.addPerson()
    await here.db.query('delete from consents where person = $1', [ben.person])
    const wish = { cookie: ben.cookie, json: { name: 'another phone', agree: false } }
    expect((await here.ask('POST', '/v1/devices', wish)).status).toBe(201)
    expect([await agrees(ben), await ledger(ben, 'sync')]).toEqual([false, []])
  })

  test('without a yes a handset may not even ask what is missing; a browser in which its owner is signed in may', async () => {
    const ana = await here.addPerson()
    const check = (who: { token?: string; cookie?: string }) =>
      here.ask('POST', '/v1/sync/check', { ...who, json: { sha256: [] } })
    expect((await check({ token: ana.token })).status).toBe(200)
    await answerSync(ana.token, { granted: false })
    expect(await readProblem(await check({ token: ana.token }))).toMatchObject({ status: 403, kind: 'forbidden' })
    expect((await check({ cookie: ana.cookie })).status).toBe(200)
    expect((await here.ask('GET', '/v1/sync/changes', { token: ana.token })).status, 'what is there').toBe(200)
    await answerSync(ana.token, { granted: true, version: 1 })
    expect((await check({ token: ana.token })).status).toBe(200)
  })

  test('a yes is one to the words of today, and not to others', async () => {
    const ana = await here.addPerson()
    await answerSync(ana.token, { granted: false })
    for (const version of [undefined, 0, 2, '1']) {
      const refused = await readProblem(await answerSync(ana.token, { granted: true, version }))
      expect(refused).toMatchObject({ status: 400, kind: 'invalid' })
    }
    expect(await agrees(ana)).toBe(false)
    expect((await answerSync(ana.token, { granted: true, version: 1 })).status).toBe(200)
    expect(await agrees(ana)).toBe(true)
    await here.db.query(`update consents set version = 7 where person = $1`, [ana.person])
    expect(await agrees(ana), 'words that are not ours').toBe(false)
  })
})

describe('places', () => {
  test('a no takes all of them out at once, and only those of who said it', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    for (const person of [ana, ben]) await answer(person, true)
    const [first, second, bens] = [await addPlaced(ana), await addPlaced(ana), await addPlaced(ben)]
    await answer(ana, false)
    for (const id of [first, second]) expect(await rowOf(id)).toEqual({ latitude: null, longitude: null, recipe })
    expect(await rowOf(bens)).toMatchObject({ latitude: 1.5, longitude: -2.5 })
    const photo = await here.ask('GET', `/v1/photos/${first}`, { token: ana.token })
    expect(await photo.json()).toMatchObject({ place: null })
  })

  test('a library larger than a batch is gone through to its end', async () => {
    const ana = await here.addPerson()
    await answer(ana, true)
    // Many of one moment, so that batches end between equals.
    await here.db.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, state, recipe, shown_at, latitude, longitude)
       select $1 || lpad(n::text, 8, '0'), $1, 1, sha256(($1 || n)::bytea), 1, now(), 'ready', $2,
         timestamp '2025-01-01' + (n / 7000) * interval '1 day', 1, 2
       from generate_series(1, 25000) n`,
      [ana.person, recipe],
    )
    const count = async (condition: string) => {
      const sql = `select count(*) as count from photos where person = $1 and ${condition}`
      return (await here.db.query<{ count: number }>(sql, [ana.person]))[0]?.count
    }
    await answer(ana, false)
    expect(await count('latitude is null and longitude is null')).toBe(25_000)
    expect(await count('recipe < 0')).toBe(0)
    await answer(ana, true)
    expect(await count(`recipe = -${recipe}`)).toBe(25_000)
  })

  test('a yes has looked-at photos looked at again, and no others', async () => {
    const ana = await here.addPerson()
    const ready = await addPhoto(here, ana)
    const others = [
      await addPhoto(here, ana, { state: 'stored' }),
      await addPhoto(here, ana, { state: 'unreadable' }),
      await addPhoto(here, ana, { state: 'quarantined' }),
    ]
    await answer(ana, true)
    expect(await rowOf(ready.id)).toMatchObject({ recipe: -recipe })
    for (const { id } of others) expect(await rowOf(id)).toMatchObject({ recipe: null })
    await answer(ana, false)
    await answer(ana, true)
    expect(await rowOf(ready.id), 'marked twice is marked').toMatchObject({ recipe: -recipe })
  })

  test('a worker that asked before a no has written before it, and its place goes too', async () => {
    const ana = await here.addPerson()
    await answer(ana, true)
    const { id } = await addPhoto(here, ana)
    let withdrawal: Promise<Response> | undefined
    await here.db.transaction(async tx => {
      expect(await hasConsent(tx, ana.person, 'places')).toBe(true)
      withdrawal = answer(ana, false)
      // It waits for this transaction: its own is on the person's row by now, or comes there later.
      await tx.query('update photos set latitude = 1, longitude = 2 where id = $1', [id])
      expect(await ledger(ana)).toHaveLength(1)
    })
    expect((await withdrawal)?.status).toBe(200)
    expect(await rowOf(id)).toMatchObject({ latitude: null, longitude: null })
    expect(await here.db.transaction(tx => hasConsent(tx, ana.person, 'places'))).toBe(false)
  })

  test('nothing changes while its owner moves', async () => {
    const ana = await here.addPerson()
    await here.db.query(`update placements set state = 'frozen' where person = $1`, [ana.person])
    expect(await readProblem(await answer(ana, true))).toMatchObject({ status: 503, kind: 'unavailable' })
    expect(await ask(ana)).toEqual({ places: { granted: false } })
    expect(await ledger(ana)).toEqual([])
  })
})
