/** Whole objects: what is put is what is got, or nothing at all. */
import { expect } from 'vitest'
import { bytes } from '../../../src/storage/bucket.js'
import {
  expectKind,
  expectSameBytes,
  type It,
  keysOf,
  MiB,
  patterned,
  readAll,
  readBody,
  sha256Of,
  trickled,
} from './suite-support.js'

export function objectSuite(it: It): void {
  storing(it)
  refusing(it)
  ranges(it)
  others(it)
}

function storing(it: It): void {
  for (const sizeBytes of [0, 1, 100_000, 9 * MiB, 17 * MiB]) {
    it(`gives back ${sizeBytes} bytes as they were`, async (bucket, prefix) => {
      const content = patterned(sizeBytes)
      const [mediaType, sha256] = ['image/jpeg', sha256Of(content)]
      const pieces = () => bytes(content.subarray(0, 7), content.subarray(7, 20_000), content.subarray(20_000))
      await bucket.put(`${prefix}pieces`, pieces(), { mediaType })
      await bucket.put(`${prefix}pieces-of-known-hash`, pieces(), { sha256 })
      await bucket.put(`${prefix}trickled`, trickled(content))
      await bucket.put(`${prefix}trickled-of-known-hash`, trickled(content), { sha256 })
      const keys = await keysOf(bucket, prefix)
      expect(keys).toHaveLength(4)
      for (const key of keys) {
        const got = await bucket.get(key)
        expect(got.sizeBytes).toBe(sizeBytes)
        expectSameBytes(await readBody(got), content)
      }
    })
  }

  it('has done with the memory of a body once it says that the bytes are stored', async (bucket, prefix) => {
    const content = patterned(6 * MiB)
    const pieceOf = (index: number) => content.subarray(index * 2 ** 18, (index + 1) * 2 ** 18)
    const lent = Array.from({ length: 24 }, (_, index) => Buffer.from(pieceOf(index)))
    const overwrite = () => {
      for (const piece of lent) piece.fill(0xff)
    }
    await bucket.put(`${prefix}put`, bytes(...lent), { sha256: sha256Of(content) })
    overwrite()
    for (const [index, piece] of lent.entries()) piece.set(pieceOf(index))
    const multipart = await bucket.createMultipart(`${prefix}parts`)
    const part = await bucket.uploadPart(`${prefix}parts`, multipart, 1, bytes(...lent))
    overwrite()
    await bucket.completeMultipart(`${prefix}parts`, multipart, [part])
    for (const key of [`${prefix}parts`, `${prefix}put`]) expectSameBytes(await readAll(bucket, key), content)
  })

  it('tells size and time of an object, and that there is none', async (bucket, prefix) => {
    const key = `${prefix}a`
    expect(await bucket.head(key)).toBeUndefined()
    await bucket.put(key, bytes(Buffer.from('hello')))
    const facts = await bucket.head(key)
    expect(facts).toMatchObject({ key, sizeBytes: 5 })
    expect(Math.abs(Date.now() - (facts?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000)
  })

  it('replaces an object', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(patterned(1000, 1)))
    await bucket.put(`${prefix}a`, bytes(patterned(500, 2)))
    expectSameBytes(await readAll(bucket, `${prefix}a`), patterned(500, 2))
    expect(await keysOf(bucket, prefix)).toEqual([`${prefix}a`])
  })

  it('gives a reader of an object that is being replaced the old bytes or the new ones', async (bucket, prefix) => {
    const [before, after] = [patterned(9 * MiB, 1), patterned(9 * MiB, 2)]
    await bucket.put(`${prefix}a`, bytes(before))
    const { body } = await bucket.get(`${prefix}a`)
    const iterator = body[Symbol.asyncIterator]()
    const first: Buffer = (await iterator.next()).value
    await bucket.put(`${prefix}a`, bytes(after))
    const rest = await readBody({ body })
    const read = Buffer.concat([first, rest])
    expect(read.equals(before) || read.equals(after), 'one of the two, unmixed').toBe(true)
    expectSameBytes(await readAll(bucket, `${prefix}a`), after)
  })

  it('lets exactly one of eight win with ifAbsent', async (bucket, prefix) => {
    const key = `${prefix}race`
    const contents = Array.from({ length: 8 }, (_, index) => patterned(20_000, index + 1))
    const puts = contents.map(content => bucket.put(key, trickled(content, 5_000), { ifAbsent: true }))
    const outcomes = await Promise.allSettled(puts)
    const winners = contents.filter((_, index) => outcomes[index]?.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'AppError', kind: 'conflict' })
    }
    expectSameBytes(await readAll(bucket, key), winners[0] ?? Buffer.alloc(0))
  })
}

function refusing(it: It): void {
  it('keeps the object that is there when put with ifAbsent', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(Buffer.from('first')), { ifAbsent: true })
    await expectKind(bucket.put(`${prefix}a`, bytes(Buffer.from('second')), { ifAbsent: true }), 'conflict')
    expect((await readAll(bucket, `${prefix}a`)).toString()).toBe('first')
  })

  for (const sizeBytes of [50_000, 9 * MiB, 17 * MiB]) {
    it(`keeps nothing of ${sizeBytes} bytes with another SHA-256 than announced`, async (bucket, prefix) => {
      const [kept, wrong] = [patterned(10, 1), patterned(sizeBytes, 2)]
      const inMemory = bytes(wrong.subarray(0, 20_000), wrong.subarray(20_000))
      await bucket.put(`${prefix}kept`, bytes(kept))
      for (const key of [`${prefix}kept`, `${prefix}new`]) {
        for (const body of [trickled(wrong), inMemory]) {
          await expectKind(bucket.put(key, body, { sha256: sha256Of(kept) }), 'invalid')
        }
      }
      expect(await keysOf(bucket, prefix)).toEqual([`${prefix}kept`])
      expectSameBytes(await readAll(bucket, `${prefix}kept`), kept)
    })

    it(`keeps nothing of ${sizeBytes} bytes that are more or fewer than announced`, async (bucket, prefix) => {
      const content = patterned(sizeBytes)
      for (const announced of [sizeBytes - 1, sizeBytes + 1]) {
        for (const body of [trickled(content), bytes(content)]) {
          await expectKind(bucket.put(`${prefix}a`, { ...body, sizeBytes: announced }), 'invalid')
        }
      }
      expect(await keysOf(bucket, prefix)).toEqual([])
    })

    it(`keeps nothing of ${sizeBytes} bytes whose source fails, and passes its error on`, async (bucket, prefix) => {
      const failure = new Error('the source broke')
      const content = patterned(sizeBytes)
      const body = {
        sizeBytes,
        async *open() {
          yield content.subarray(0, sizeBytes / 2)
          throw failure
        },
      }
      await expect(bucket.put(`${prefix}a`, body)).rejects.toBe(failure)
      expect(await keysOf(bucket, prefix)).toEqual([])
    })
  }

  it('refuses keys that are no path below the bucket', async (bucket, prefix) => {
    const segments = ['', '.', '..', 'a//b', 'a/', 'a/../b', '../a', 'a\\b', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(256)]
    for (const key of [
      ...segments.map(segment => prefix + segment),
      '',
      '/a',
      '../a',
      `${prefix}${'x/'.repeat(600)}x`,
    ]) {
      await expectKind(bucket.put(key, bytes(Buffer.from('x'))), 'invalid')
      await expectKind(bucket.get(key), 'invalid')
      await expectKind(bucket.delete([key]), 'invalid')
      await expectKind(bucket.createMultipart(key), 'invalid')
    }
    expect(await keysOf(bucket, prefix)).toEqual([])
  })

  it('says not_found for what is not there', async (bucket, prefix) => {
    await expectKind(bucket.get(`${prefix}none`), 'not_found')
    await expectKind(bucket.get(`${prefix}none`, { range: { start: 0, end: 5 } }), 'not_found')
    await bucket.put(`${prefix}a/b`, bytes(Buffer.from('x')))
    await expectKind(bucket.get(`${prefix}a`), 'not_found')
    await expectKind(bucket.get(`${prefix}a/b/c`), 'not_found')
    expect(await bucket.head(`${prefix}a`)).toBeUndefined()
    expect(await bucket.head(`${prefix}a/b/c`)).toBeUndefined()
  })
}

function ranges(it: It): void {
  it('gives the range asked for, and the size of the whole', async (bucket, prefix) => {
    const content = patterned(1000)
    await bucket.put(`${prefix}a`, bytes(content))
    const cases = [
      { range: { start: 0, end: 0 }, expected: content.subarray(0, 1) },
      { range: { start: 0 }, expected: content },
      { range: { start: 10, end: 19 }, expected: content.subarray(10, 20) },
      { range: { start: 999 }, expected: content.subarray(999) },
      { range: { start: 990, end: 5_000 }, expected: content.subarray(990) },
    ]
    for (const { range, expected } of cases) {
      const got = await bucket.get(`${prefix}a`, { range })
      expect(got.sizeBytes).toBe(1000)
      expectSameBytes(await readBody(got), expected)
    }
  })

  it('refuses ranges that begin beyond the object or are none', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(patterned(1000)))
    await bucket.put(`${prefix}empty`, bytes())
    const bad = [{ start: 1000 }, { start: 2000, end: 3000 }, { start: -1 }, { start: 5, end: 4 }, { start: 0.5 }]
    for (const range of bad) await expectKind(bucket.get(`${prefix}a`, { range }), 'invalid')
    await expectKind(bucket.get(`${prefix}empty`, { range: { start: 0 } }), 'invalid')
  })
}

function others(it: It): void {
  it('deletes what is there and does not mind what is not', async (bucket, prefix) => {
    await bucket.put(`${prefix}a`, bytes(Buffer.from('x')))
    await bucket.put(`${prefix}deep/er/b`, bytes(Buffer.from('x')))
    await bucket.delete([`${prefix}a`, `${prefix}none`, `${prefix}deep/er`, `${prefix}deep/er/b`, `${prefix}a/b`])
    await bucket.delete([`${prefix}a`])
    await bucket.delete([])
    expect(await keysOf(bucket, prefix)).toEqual([])
    await expectKind(bucket.get(`${prefix}a`), 'not_found')
    await bucket.put(`${prefix}deep`, bytes(Buffer.from('now an object')))
  })

  it('loses nothing when objects come while their neighbours go', async (bucket, prefix) => {
    const rounds = Array.from({ length: 12 }, (_, index) => index)
    await Promise.all(
      rounds.map(async index => {
        const [going, staying] = [`${prefix}f/${index % 3}/going-${index}`, `${prefix}f/${index % 3}/staying-${index}`]
        await bucket.put(going, bytes(Buffer.from('x')))
        await Promise.all([bucket.delete([going]), bucket.put(staying, bytes(Buffer.from('y')))])
      }),
    )
    const keys = await keysOf(bucket, prefix)
    expect(keys).toHaveLength(rounds.length)
    expect(keys.every(key => key.includes('staying'))).toBe(true)
  })

  it('gives a signed address that downloads under a name, or none', async (bucket, prefix) => {
    const content = patterned(5_000)
    await bucket.put(`${prefix}a b+ü`, bytes(content), { mediaType: 'application/octet-stream' })
    const fileName = 'Été "1" 100%.jpg'
    const url = await bucket.signedUrl(`${prefix}a b+ü`, { lifetimeSeconds: 60, fileName, mediaType: 'image/jpeg' })
    if (url === undefined) return
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('image/jpeg')
    expect(answer.headers.get('content-disposition')).toContain("filename*=UTF-8''%C3%89t%C3%A9%20%221%22%20100%25.jpg")
    expectSameBytes(Buffer.from(await answer.arrayBuffer()), content)
    expect((await fetch(url.replace(/X-Amz-Signature=../, 'X-Amz-Signature=00'))).status).toBe(403)
  })

  it('proves that it works', async bucket => {
    await bucket.check()
  })
}
