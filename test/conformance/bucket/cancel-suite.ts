/** Cancelling by signal: at any moment, soon, with the signal's reason. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { bytes } from '../../../src/storage/bucket.js'
import { all, hanging, type It, keysOf, MiB, patterned, readBody } from './suite-support.js'

const reason = new Error('no longer wanted')

export function cancelSuite(it: It): void {
  it('does nothing when cancelled beforehand', async (bucket, prefix) => {
    const signal = AbortSignal.abort(reason)
    const key = `${prefix}a`
    await bucket.put(key, bytes(Buffer.from('x')))
    const multipart = await bucket.createMultipart(key)
    const part = await bucket.uploadPart(key, multipart, 1, bytes(Buffer.from('y')))
    const calls = [
      () => bucket.put(`${prefix}b`, bytes(Buffer.from('x')), { signal }),
      () => bucket.get(key, { signal }),
      () => bucket.head(key, { signal }),
      () => bucket.delete([key], { signal }),
      () => all(bucket.list(prefix, { signal })),
      () => bucket.createMultipart(key, { signal }),
      () => bucket.uploadPart(key, multipart, 2, bytes(Buffer.from('x')), { signal }),
      () => bucket.completeMultipart(key, multipart, [part], { signal }),
      () => bucket.abortMultipart(key, multipart, { signal }),
      () => all(bucket.listMultiparts(prefix, { signal })),
      () => bucket.check({ signal }),
    ]
    for (const call of calls) await expect(call()).rejects.toBe(reason)
    expect(await keysOf(bucket, prefix)).toEqual([key])
    expect(await all(bucket.listMultiparts(prefix))).toMatchObject([{ key, multipart }])
  })

  for (const sizeBytes of [1_000, 9 * MiB, 17 * MiB]) {
    it(`ends a put of ${sizeBytes} bytes whose bytes no longer come`, async (bucket, prefix) => {
      const ending = new AbortController()
      const put = bucket.put(`${prefix}a`, hanging(sizeBytes), { signal: ending.signal })
      await abortSoon(ending, put)
      const multipart = await bucket.createMultipart(`${prefix}b`)
      const endingPart = new AbortController()
      const part = bucket.uploadPart(`${prefix}b`, multipart, 1, hanging(sizeBytes), { signal: endingPart.signal })
      await abortSoon(endingPart, part)
      expect(await keysOf(bucket, prefix)).toEqual([])
    })
  }

  it('ends a body that is being read', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(patterned(9 * MiB)))
    const ending = new AbortController()
    const { body } = await bucket.get(`${prefix}a`, { signal: ending.signal })
    const iterator = body[Symbol.asyncIterator]()
    await iterator.next()
    ending.abort(reason)
    await expect(readBody({ body })).rejects.toBe(reason)
  })

  it('ends a listing in the middle', async (bucket, prefix) => {
    for (const name of ['a', 'b', 'c']) await bucket.put(prefix + name, bytes(Buffer.from('x')))
    const ending = new AbortController()
    const iterator = bucket.list(prefix, { signal: ending.signal })[Symbol.asyncIterator]()
    await iterator.next()
    ending.abort(reason)
    await expect(iterator.next()).rejects.toBe(reason)
  })
}

async function abortSoon(ending: AbortController, promise: Promise<unknown>): Promise<void> {
  const outcome = expect(promise).rejects.toBe(reason)
  await sleep(50)
  const startMs = performance.now()
  ending.abort(reason)
  await outcome
  expect(performance.now() - startMs).toBeLessThan(1_000)
}
