/** Objects that come in parts: nothing until they are complete, then whole. */
import { expect } from 'vitest'
import type { Bucket, Part } from '../../../src/storage/bucket.js'
import { bytes } from '../../../src/storage/bucket.js'
import {
  all,
  expectKind,
  expectSameBytes,
  type It,
  keysOf,
  MiB,
  patterned,
  readAll,
  trickled,
} from './suite-support.js'

export function multipartSuite(it: It): void {
  completing(it)
  refusing(it)
  ending(it)
}

function completing(it: It): void {
  it('makes 20 MiB of parts that came out of order, one of them twice', async (bucket, prefix) => {
    const key = `${prefix}video`
    const content = patterned(20 * MiB + 12_345)
    const piece = (number: number) => content.subarray((number - 1) * 5 * MiB, number * 5 * MiB)
    const multipart = await bucket.createMultipart(key, { mediaType: 'video/mp4' })
    const parts: Part[] = []
    await bucket.uploadPart(key, multipart, 2, bytes(patterned(5 * MiB, 99)))
    for (const number of [5, 3, 1, 4, 2]) {
      const body = number % 2 ? trickled(piece(number)) : bytes(piece(number))
      const part = await bucket.uploadPart(key, multipart, number, body)
      expect(part).toMatchObject({ number, sizeBytes: piece(number).byteLength })
      parts.push(part)
    }
    expect(await bucket.head(key)).toBeUndefined()
    expect(await keysOf(bucket, prefix)).toEqual([])
    await bucket.completeMultipart(key, multipart, parts)
    expect(await bucket.head(key)).toMatchObject({ sizeBytes: content.byteLength })
    expectSameBytes(await readAll(bucket, key), content)
    const range = { start: 5 * MiB - 2, end: 5 * MiB + 1 }
    const { body } = await bucket.get(key, { range })
    expectSameBytes(Buffer.concat(await all(body)), content.subarray(range.start, range.end + 1))
    expect(await all(bucket.listMultiparts(prefix))).toEqual([])
  })

  it('takes a part larger than it holds in memory', async (bucket, prefix) => {
    const content = patterned(17 * MiB)
    const multipart = await bucket.createMultipart(`${prefix}a`)
    const part = await bucket.uploadPart(`${prefix}a`, multipart, 1, trickled(content))
    await bucket.completeMultipart(`${prefix}a`, multipart, [part])
    expectSameBytes(await readAll(bucket, `${prefix}a`), content)
  })

  it('replaces what was there only when it is complete', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(Buffer.from('old')))
    const { multipart, part } = await begun(bucket, `${prefix}a`)
    expect((await readAll(bucket, `${prefix}a`)).toString()).toBe('old')
    await bucket.completeMultipart(`${prefix}a`, multipart, [part])
    expect((await readAll(bucket, `${prefix}a`)).toString()).toBe('part')
  })
}

function refusing(it: It): void {
  it('makes nothing of parts it does not have', async (bucket, prefix) => {
    const key = `${prefix}a`
    const { multipart, part: replaced } = await begun(bucket, key)
    const part = await bucket.uploadPart(key, multipart, 1, bytes(Buffer.from('newer')))
    const refused = [[], [replaced], [part, part], [{ ...part, number: 2 }], [{ ...part, number: 0 }]]
    for (const parts of refused) await expectKind(bucket.completeMultipart(key, multipart, parts), 'invalid')
    expect(await bucket.head(key)).toBeUndefined()
    await bucket.completeMultipart(key, multipart, [part])
    expect((await readAll(bucket, key)).toString()).toBe('newer')
  })

  it('leaves out the parts that are not named, or makes nothing without them', async (bucket, prefix) => {
    for (const named of [
      [2, 3],
      [1, 3],
      [1, 2],
    ]) {
      const key = `${prefix}${named.join('-')}`
      const multipart = await bucket.createMultipart(key)
      const parts: Part[] = []
      for (const number of [1, 2, 3]) {
        parts.push(await bucket.uploadPart(key, multipart, number, bytes(Buffer.alloc(5 * MiB, number))))
      }
      const completing = bucket.completeMultipart(
        key,
        multipart,
        parts.filter(({ number }) => named.includes(number)),
      )
      if (bucket.mayLeaveOutParts(multipart)) {
        await completing
        expectSameBytes(await readAll(bucket, key), Buffer.concat(named.map(number => Buffer.alloc(5 * MiB, number))))
      } else {
        await expectKind(completing, 'invalid')
        await bucket.completeMultipart(key, multipart, parts)
        expect(await bucket.head(key)).toMatchObject({ sizeBytes: 15 * MiB })
      }
    }
  })

  it('makes nothing of a part under 5 MiB that is not the last', async (bucket, prefix) => {
    const key = `${prefix}a`
    const { multipart, part } = await begun(bucket, key)
    const last = await bucket.uploadPart(key, multipart, 2, bytes(Buffer.from('last')))
    await expectKind(bucket.completeMultipart(key, multipart, [part, last]), 'invalid')
    expect(await bucket.head(key)).toBeUndefined()
  })

  it('keeps no part whose bytes are not as many as announced', async (bucket, prefix) => {
    const key = `${prefix}a`
    const { multipart, part } = await begun(bucket, key)
    for (const sizeBytes of [9, 11]) {
      for (const body of [bytes(Buffer.alloc(10)), trickled(Buffer.alloc(10), 4)]) {
        await expectKind(bucket.uploadPart(key, multipart, 1, { ...body, sizeBytes }), 'invalid')
      }
    }
    await bucket.completeMultipart(key, multipart, [part])
    expect((await readAll(bucket, key)).toString()).toBe('part')
  })

  it('says not_found for a multipart that is not, or not of this key', async (bucket, prefix) => {
    const key = `${prefix}a`
    const { multipart, part } = await begun(bucket, key)
    const body = bytes(Buffer.from('x'))
    await expectKind(bucket.uploadPart(key, '../objects', 1, body), 'not_found')
    await expectKind(bucket.uploadPart(`${prefix}b`, multipart, 1, body), 'not_found')
    await expectKind(bucket.completeMultipart(`${prefix}b`, multipart, [part]), 'not_found')
    await bucket.abortMultipart(`${prefix}b`, multipart)
    await bucket.completeMultipart(key, multipart, [part])
    await expectKind(bucket.uploadPart(key, multipart, 1, body), 'not_found')
  })

  it('refuses part numbers that are none', async (bucket, prefix) => {
    const { multipart } = await begun(bucket, `${prefix}a`)
    for (const number of [0, -1, 1.5, 10_001]) {
      await expectKind(bucket.uploadPart(`${prefix}a`, multipart, number, bytes(Buffer.from('x'))), 'invalid')
    }
  })
}

function ending(it: It): void {
  it('leaves nothing of what is aborted', async (bucket, prefix) => {
    const key = `${prefix}a`
    const { multipart, part } = await begun(bucket, key)
    await bucket.abortMultipart(key, multipart)
    await bucket.abortMultipart(key, multipart)
    await expectKind(bucket.completeMultipart(key, multipart, [part]), 'not_found')
    await expectKind(bucket.uploadPart(key, multipart, 1, bytes(Buffer.from('x'))), 'not_found')
    expect(await all(bucket.listMultiparts(prefix))).toEqual([])
    expect(await keysOf(bucket, prefix)).toEqual([])
  })

  it('lists what was begun and has not ended', async (bucket, prefix) => {
    const [first, second, ended] = [`${prefix}a/1`, `${prefix}a/2`, `${prefix}a/3`]
    const begunHere = [
      { key: first, multipart: await bucket.createMultipart(first) },
      { key: second, multipart: await bucket.createMultipart(second) },
      { key: second, multipart: await bucket.createMultipart(second) },
    ]
    const { multipart, part } = await begun(bucket, ended)
    await bucket.completeMultipart(ended, multipart, [part])
    await bucket.createMultipart(`${prefix}b`)
    const listed = await all(bucket.listMultiparts(`${prefix}a/`))
    const inOrder = (entries: { key: string; multipart: string }[]) =>
      entries.map(entry => `${entry.key} ${entry.multipart}`).toSorted()
    expect(inOrder(listed)).toEqual(inOrder(begunHere))
    for (const { startedAt } of listed) expect(Math.abs(Date.now() - startedAt.getTime())).toBeLessThan(60_000)
  })
}

/** A multipart with one small part, which may be its only one. */
async function begun(bucket: Bucket, key: string): Promise<{ multipart: string; part: Part }> {
  const multipart = await bucket.createMultipart(key)
  return { multipart, part: await bucket.uploadPart(key, multipart, 1, bytes(Buffer.from('part'))) }
}
