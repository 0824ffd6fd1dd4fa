/** Listings: complete, in key order, of a prefix. */
import { expect } from 'vitest'
import { bytes } from '../../../src/storage/bucket.js'
import { all, expectKind, type It, keysOf } from './suite-support.js'

/** In the order of their UTF-8 bytes; U+FF5E comes before the emoji there, and after it in JavaScript's own order. */
const oddNames = [
  '!',
  'A',
  'a b',
  'a%2Fb',
  'a+b',
  'a-b',
  'a.jpg',
  'a/b',
  'a/b c',
  'a0',
  'aa/x',
  'b&<>"\'c',
  'ü',
  '照片/1',
  '～',
  '😀',
]

export function listSuite(it: It): void {
  it('lists odd names in the order of their bytes', async (bucket, prefix) => {
    for (const name of oddNames.toReversed()) await bucket.put(prefix + name, bytes(Buffer.from(name)))
    const listed = await all(bucket.list(prefix))
    expect(listed.map(({ key }) => key.slice(prefix.length))).toEqual(oddNames)
    for (const { key, sizeBytes, modifiedAt } of listed) {
      expect(sizeBytes).toBe(Buffer.byteLength(key.slice(prefix.length)))
      expect(modifiedAt.getTime()).toBeGreaterThan(Date.now() - 600_000)
    }
    await bucket.delete(oddNames.map(name => prefix + name))
    expect(await keysOf(bucket, prefix)).toEqual([])
  })

  it('lists by any beginning of a key', async (bucket, prefix) => {
    const names = ['a/1', 'a/2/x', 'a/20', 'ab', 'b']
    for (const name of names) await bucket.put(prefix + name, bytes(Buffer.from('x')))
    const cases: [string, string[]][] = [
      ['', names],
      ['a', ['a/1', 'a/2/x', 'a/20', 'ab']],
      ['a/', ['a/1', 'a/2/x', 'a/20']],
      ['a/2', ['a/2/x', 'a/20']],
      ['a/2/', ['a/2/x']],
      ['a/1/', []],
      ['none/at/all', []],
    ]
    for (const [start, expected] of cases) {
      expect((await keysOf(bucket, prefix + start)).map(key => key.slice(prefix.length))).toEqual(expected)
    }
    await expectKind(keysOf(bucket, `${prefix}../`), 'invalid')
    await expectKind(keysOf(bucket, '/'), 'invalid')
  })

  it('lists all that stays while others come and go', async (bucket, prefix) => {
    const staying = Array.from({ length: 30 }, (_, index) => `${prefix}${String(index).padStart(3, '0')}/stays`)
    const going = staying.map(key => key.replace('stays', 'goes'))
    await Promise.all([...staying, ...going].map(key => bucket.put(key, bytes(Buffer.from('x')))))
    const seen: string[] = []
    for await (const { key } of bucket.list(prefix)) {
      if (key.endsWith('stays')) seen.push(key)
      const victim = going.pop()
      if (victim !== undefined) await bucket.delete([victim])
      if (going.length % 10 === 0) await bucket.put(`${prefix}new/${going.length}`, bytes(Buffer.from('x')))
    }
    expect(seen).toEqual(staying)
  })

  it('lists and deletes 1,200 objects', async (bucket, prefix) => {
    const keys = Array.from({ length: 1_200 }, (_, index) => `${prefix}${index % 7}/${String(index).padStart(5, '0')}`)
    for (let at = 0; at < keys.length; at += 24) {
      await Promise.all(keys.slice(at, at + 24).map(key => bucket.put(key, bytes(Buffer.from(key)))))
    }
    expect(await keysOf(bucket, prefix)).toEqual(keys.toSorted())
    await bucket.delete(keys)
    expect(await keysOf(bucket, prefix)).toEqual([])
  })

  it('can be left in the middle', async (bucket, prefix) => {
    for (const name of ['a', 'b', 'c']) await bucket.put(prefix + name, bytes(Buffer.from('x')))
    for await (const { key } of bucket.list(prefix)) {
      expect(key).toBe(`${prefix}a`)
      break
    }
  })
}
