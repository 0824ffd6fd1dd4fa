/** Goal: long text goes compressed to those who take it so, and means the same; short text and pictures go as they are. */
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOf } from '../library/originals.js'
import { startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
  ana = await here.addPerson()
})
afterAll(() => here.close())

const hashes = Array.from({ length: 500 }, (_, number) => hashOf(`content ${number}`).toString('hex'))

/** fetch would unpack it. */
function check(sha256: readonly string[], headers: Record<string, string>) {
  return new Promise<{ encoding: string | undefined; vary: string | undefined; body: Buffer }>((resolve, reject) => {
    const asking = request(`${here.url}/v1/sync/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ana.token}`, 'content-type': 'application/json', ...headers },
    })
    asking.on('error', reject)
    asking.on('response', response => {
      const { 'content-encoding': encoding, vary } = response.headers
      buffer(response).then(body => resolve({ encoding, vary, body }), reject)
    })
    asking.end(JSON.stringify({ sha256 }))
  })
}

test('who takes gzip gets it of what is long, and the same words', async () => {
  const plain = await check(hashes, {})
  expect(plain.encoding).toBeUndefined()
  const packed = await check(hashes, { 'accept-encoding': 'gzip, deflate, br' })
  expect(packed).toMatchObject({ encoding: 'gzip', vary: expect.stringMatching(/accept-encoding/i) })
  expect(gunzipSync(packed.body)).toEqual(plain.body)
  expect(packed.body.length).toBeLessThan(0.7 * plain.body.length)
})

test('what is short goes as it is', async () => {
  const { encoding, body } = await check(hashes.slice(0, 1), { 'accept-encoding': 'gzip' })
  expect([encoding, JSON.parse(body.toString())]).toEqual([
    undefined,
    { missing: hashes.slice(0, 1), here: [], deleted: [] },
  ])
})

test('a packed request is not unpacked, whatever it would be', async () => {
  const body = gzipSync(JSON.stringify({ sha256: hashes }))
  const headers = {
    authorization: `Bearer ${ana.token}`,
    'content-type': 'application/json',
    'content-encoding': 'gzip',
  }
  const response = await fetch(`${here.url}/v1/sync/check`, { method: 'POST', headers, body })
  expect(response.status).toBe(400)
})
