/**
 * Goal: what Postgres ends because others were in the way is done again, a few times; what fails so each time is told as something that
 * passes, and anything else as it is.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../src/db/database.js'
import { type FreshDatabase, freshDatabase } from './support/services.js'

let fresh: FreshDatabase
let db: Database
beforeAll(async () => {
  fresh = await freshDatabase()
  db = openDatabase({ url: fresh.url, onIdleError: () => {} })
  // Counts its calls also when they are rolled back, and fails the first `times`.
  await db.query('create sequence calls')
  await db.query(`create function fail(code text, times integer) returns bigint language plpgsql as $$
    declare call bigint := nextval('calls');
    begin
      if call <= times then raise exception 'in the way' using errcode = code; end if;
      return call;
    end $$`)
})
afterAll(async () => {
  await db.close()
  await fresh.drop()
})

const ways: [string, (code: string, times: number) => Promise<{ fail: number }[]>][] = [
  ['a statement', (code, times) => db.query('select fail($1, $2)', [code, times])],
  ['a transaction', (code, times) => db.transaction(tx => tx.query('select fail($1, $2)', [code, times]))],
]
const start = () => db.query(`select setval('calls', 1, false)`)
const calls = async () => (await db.query<{ calls: number }>('select last_value as calls from calls'))[0]?.calls

const inTheWay = [
  ['a deadlock', '40P01'],
  ['a serialization failure', '40001'],
] as const
const each = inTheWay.flatMap(([what, code]) => ways.map(([way, run]) => ({ what, code, way, run })))

test.each(each)('$way that met $what is done again', async ({ code, run }) => {
  await start()
  expect(await run(code, 2)).toEqual([{ fail: 3 }])
})

test.each(each)('$way that meets $what each time is unavailable for now', async ({ code, run }) => {
  await start()
  await expect(run(code, 1_000)).rejects.toMatchObject({
    kind: 'unavailable',
    retryAfterSeconds: expect.any(Number),
    cause: { code },
  })
  const tries = await calls()
  expect(tries).toBeGreaterThan(2)
  expect(tries).toBeLessThan(20)
})

test.each(ways)('%s that fails for another reason fails as it is, and once', async (_way, run) => {
  await start()
  await expect(run('23514', 1_000)).rejects.toMatchObject({ code: '23514' })
  expect(await calls()).toBe(1)
})
