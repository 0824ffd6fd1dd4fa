/** Goal: what accounts accept from outside, by tables: addresses, tokens, clients' addresses, and how often one may fail. */
import { describe, expect, test } from 'vitest'
import { addressKey } from '../src/accounts/address-key.js'
import { makeAttempts } from '../src/accounts/attempts.js'
import { formatDeviceToken, hashToken, isSecret, newSecret, regionOfDeviceToken } from '../src/accounts/credentials.js'
import { parseEmail } from '../src/accounts/email.js'
import { isAppError } from '../src/core/errors.js'
import { movableClock } from './http/region.js'

describe('e-mail addresses', () => {
  test.each([
    ['ana@example.org', 'ana@example.org'],
    ['  Ana@Example.ORG ', 'ana@example.org'],
    ['ＡＮＡ@example.org', 'ana@example.org'],
    ['℡@example.org', 'tel@example.org'],
    ['jose\u0301@example.org', 'jos\u00e9@example.org'],
    ['o’brien+photos@mail.example', 'o’brien+photos@mail.example'],
  ])('%j folds to %j', (typed, folded) => {
    expect(parseEmail(typed)?.folded).toBe(folded)
  })

  test.each([
    '',
    '@',
    'ana',
    'ana@',
    '@example.org',
    'a b@example.org',
    'a@b@c',
    'a\0@b',
    'a@b\n',
    `${'a'.repeat(254)}@b`,
  ])('%j is none', text => {
    // A line end around it is trimmed away, one inside is not.
    expect(parseEmail(text)?.folded).toBe(text === 'a@b\n' ? 'a@b' : undefined)
  })
})

describe('tokens', () => {
  test('a device token names its region, and no two secrets are alike', () => {
    const secrets = new Set(Array.from({ length: 100 }, newSecret))
    expect(secrets.size).toBe(100)
    for (const secret of secrets) {
      expect(isSecret(secret)).toBe(true)
      expect(regionOfDeviceToken(formatDeviceToken('us-west-2', secret))).toBe('us-west-2')
    }
    expect(hashToken('a')).toHaveLength(32)
  })

  const secret = 'A'.repeat(43)
  test.each([
    '',
    secret,
    `ps2.us-west-2.${secret}`,
    `ps1..${secret}`,
    `ps1.US.${secret}`,
    `ps1.a.${secret}A`,
    `ps1.a.${secret}\n`,
  ])('%j is no device token', text => {
    expect(regionOfDeviceToken(text)).toBeUndefined()
  })
})

describe('clients’ addresses', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:0db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})

describe('attempts', () => {
  test('the limit holds for each key, and ends with its window', () => {
    const clock = movableClock()
    const attempts = makeAttempts({ attemptsMax: 2, windowMs: 10_000, clock })
    attempts.take(['a', 'b'])
    attempts.take(['a'])
    clock.advance(1_000)
    expect(() => attempts.take(['b', 'a'])).toThrowError(
      expect.toSatisfy(error => isAppError(error, 'too_many') && error.retryAfterSeconds === 9),
    )
    attempts.take(['b'])
    expect(() => attempts.take(['b'])).toThrow()
    clock.advance(9_000)
    attempts.take(['a', 'b'])
  })

  test('success counts as no failure', () => {
    const attempts = makeAttempts({ attemptsMax: 1, windowMs: 10_000, clock: movableClock() })
    for (let i = 0; i < 5; i++) {
      attempts.take(['a'])
      attempts.giveBack(['a'])
    }
    attempts.take(['a'])
    expect(() => attempts.take(['a'])).toThrow()
  })

  test('memory is bounded: the oldest keys are forgotten', () => {
    const attempts = makeAttempts({ attemptsMax: 1, windowMs: 10_000, clock: movableClock(), keysMax: 3 })
    for (const key of ['a', 'b', 'c', 'd', 'e']) attempts.take([key])
    attempts.take(['a'])
    expect(() => attempts.take(['e'])).toThrow()
  })
})
