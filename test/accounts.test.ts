/** Goal: accounts on a real database: who can be made, who gets in, who is refused at once, and what is never kept. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatDeviceToken, newSecret } from '../src/accounts/credentials.js'
import { type ErrorKind, isAppError } from '../src/core/errors.js'
import { newId } from '../src/core/ids.js'
import { limits } from '../src/core/limits.js'
import { otherRegion, region, startRegion, type TestRegion } from './http/region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

const kind = (wanted: ErrorKind) =>
  expect.toSatisfy(error => isAppError(error, wanted), `an AppError of kind ${wanted}`)
const newEmail = () => `${newId()}@example.org`
const password = 'correct horse battery'

describe('people', () => {
  test('a new one has a home in the directory, an open placement and an empty feed', async () => {
    const { person, epoch } = await here.accounts.addAccount(newEmail(), password)
    expect(epoch).toBe(1)
    const [row] = await here.db.query(
      `select d.home, d.epoch, p.state, f.seq from directory d
       join placements p using (person, epoch) join feeds f using (person, epoch) where person = $1`,
      [person],
    )
    expect(row).toEqual({ home: region.id, epoch: 1, state: 'open', seq: 0 })
  })

  test('the password is kept as argon2id with the parameters that are asked for', async () => {
    const { person } = await here.accounts.addAccount(newEmail(), password)
    const [row] = await here.db.query<{ hash: string }>('select password_hash as hash from people where id = $1', [
      person,
    ])
    expect(row?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  })

  test('one account per address, however it is written, also when two come at once', async () => {
    const email = newEmail()
    const outcomes = await Promise.allSettled([
      here.accounts.addAccount(email, password),
      here.accounts.addAccount(email.toUpperCase(), password),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes.find(outcome => outcome.status === 'rejected')?.reason).toEqual(kind('conflict'))
    await expect(here.accounts.addAccount(` ${email}`, password)).rejects.toEqual(kind('conflict'))
    expect(await here.accounts.findPerson(email.toUpperCase())).toMatchObject({ id: expect.any(String) })
  })

  test.each([
    ['no address', 'ana', password],
    ['a short password', 'ana@example.org', '1234567'],
    ['a long password', 'ana@example.org', 'x'.repeat(limits.passwordCharsMax + 1)],
  ])('%s is invalid', async (_, email, secret) => {
    await expect(here.accounts.addAccount(email, secret)).rejects.toEqual(kind('invalid'))
  })
})

describe('signing in', () => {
  test('a password counts as the same however its letters are composed', async () => {
    const email = newEmail()
    const { person } = await here.accounts.addAccount(email, 'cafe\u0301 au lait')
    const { caller } = await here.accounts.signIn(email, 'caf\u00e9 au lait', '192.0.2.1')
    expect(caller).toEqual({ person, epoch: 1, device: null, session: true })
  })

  test('a session ends with signing out and with time', async () => {
    const { person } = await here.accounts.addAccount(newEmail(), password)
    const link = await here.accounts.createSignInLink(person)
    const [first, second] = [await here.accounts.signInByLink(link), await here.accounts.signInByLink(link)]
    expect(await here.accounts.authenticate({ sessionToken: first.token })).toMatchObject({ person, session: true })
    await here.accounts.signOut(first.token)
    await expect(here.accounts.authenticate({ sessionToken: first.token })).rejects.toEqual(kind('unauthenticated'))
    here.clock.advance(limits.sessionLifetimeMs)
    await expect(here.accounts.authenticate({ sessionToken: second.token })).rejects.toEqual(kind('unauthenticated'))
  })

  test('a link works until it expires', async () => {
    const { person } = await here.accounts.addAccount(newEmail(), password)
    const link = await here.accounts.createSignInLink(person)
    here.clock.advance(limits.signInLinkLifetimeMs - 1)
    await here.accounts.signInByLink(link)
    here.clock.advance(1)
    await expect(here.accounts.signInByLink(link)).rejects.toEqual(kind('unauthenticated'))
    await expect(here.accounts.signInByLink('nonsense')).rejects.toEqual(kind('unauthenticated'))
  })

  test('ten failures from one client stop it, whatever addresses it tries, for five minutes', async () => {
    const email = newEmail()
    await here.accounts.addAccount(email, password)
    const client = '198.51.100.1'
    for (let i = 0; i < 10; i++) {
      await expect(here.accounts.signIn(newEmail(), password, client)).rejects.toEqual(kind('unauthenticated'))
    }
    await expect(here.accounts.signIn(email, password, client)).rejects.toEqual(kind('too_many'))
    await here.accounts.signIn(email, password, '198.51.100.2')
    here.clock.advance(5 * 60_000)
    await here.accounts.signIn(email, password, client)
  })

  test('attempts at the same time are limited like others', async () => {
    const email = newEmail()
    const tries = Array.from({ length: 14 }, (_, i) => here.accounts.signIn(email, password, `203.0.113.${i}`))
    const kinds = (await Promise.allSettled(tries)).map(outcome => outcome.status === 'rejected' && outcome.reason.kind)
    expect(kinds.filter(found => found === 'unauthenticated')).toHaveLength(10)
    expect(kinds.filter(found => found === 'too_many')).toHaveLength(4)
  })
})

describe('devices', () => {
  test('no secret is kept as it is', async () => {
    const { token, cookie } = await here.addPerson()
    const secrets = [token.split('.')[2] ?? '', cookie.split('=')[1] ?? '']
    const tables = await here.db.query<{ row: string }>(
      'select d::text as row from devices d union all select s::text from sessions s',
    )
    for (const { row } of tables) for (const secret of secrets) expect(row).not.toContain(secret)
  })

  test('a token is good until it is revoked, and only its owner can revoke it', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const { id, token } = await here.accounts.addDevice(ana.person, ' Ana’s phone ')
    expect(await here.accounts.authenticate({ bearer: token })).toEqual({
      person: ana.person,
      epoch: 1,
      device: id,
      session: false,
    })
    await expect(here.accounts.revokeDevice(ben.person, id)).rejects.toEqual(kind('not_found'))
    await here.accounts.revokeDevice(ana.person, id)
    await here.accounts.revokeDevice(ana.person, id)
    await expect(here.accounts.authenticate({ bearer: token })).rejects.toEqual(kind('unauthenticated'))
    const devices = await here.accounts.listDevices(ana.person)
    expect(devices.find(device => device.id === id)).toMatchObject({ name: 'Ana’s phone', revokedAt: here.clock.now() })
  })

  test('as many as the limit says, also when they come at once', async () => {
    const { person } = await here.addPerson()
    const room = limits.devicesPerPerson - 1
    await here.db.query(
      `insert into devices (id, person, name, token_sha256, created_at)
       select $1 || n, $1, 'old', sha256(($1 || n)::bytea), now() from generate_series(1, $2) n`,
      [person, room - 1],
    )
    const outcomes = await Promise.allSettled([
      here.accounts.addDevice(person, 'one'),
      here.accounts.addDevice(person, 'too many'),
    ])
    const refused = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused).toEqual([kind('too_many')])
  })

  test.each(['', '  ', 'a\nb', 'x'.repeat(limits.deviceNameChars + 1)])('the name %j is invalid', async name => {
    const { person } = await here.addPerson()
    await expect(here.accounts.addDevice(person, name)).rejects.toEqual(kind('invalid'))
  })
})

describe('another region', () => {
  test('its token is sent there; that of a region nobody knows is refused', async () => {
    const misdirected = here.accounts.authenticate({ bearer: formatDeviceToken(otherRegion.id, newSecret()) })
    await expect(misdirected).rejects.toMatchObject({
      kind: 'misdirected',
      facts: { region: otherRegion.id, apiUrl: otherRegion.apiUrl },
    })
    const unknown = here.accounts.authenticate({ bearer: formatDeviceToken('nowhere', newSecret()) })
    await expect(unknown).rejects.toEqual(kind('unauthenticated'))
  })

  test('who moved is sent to where the directory says, by token, session and sign-in', async () => {
    const ana = await here.addPerson()
    await here.db.query(`update placements set state = 'erased' where person = $1`, [ana.person])
    await here.db.query('update directory set home = $2, epoch = 2 where person = $1', [ana.person, otherRegion.id])
    const sent = { kind: 'misdirected', facts: { region: otherRegion.id, apiUrl: otherRegion.apiUrl } }
    await expect(here.accounts.authenticate({ bearer: ana.token })).rejects.toMatchObject(sent)
    const sessionToken = ana.cookie.split('=')[1]
    await expect(here.accounts.authenticate({ sessionToken })).rejects.toMatchObject(sent)
    await expect(here.accounts.signIn(ana.email, ana.password, '192.0.2.9')).rejects.toMatchObject(sent)
  })

  test('a frozen placement can still be read', async () => {
    const ana = await here.addPerson()
    await here.db.query(`update placements set state = 'frozen' where person = $1`, [ana.person])
    expect(await here.accounts.authenticate({ bearer: ana.token })).toMatchObject({ person: ana.person, epoch: 1 })
  })
})
