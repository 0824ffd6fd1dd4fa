/** The goal: stores of begun uploads find what was put in, forget what is old, and stand whatever is done to them. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeResumeFolder } from '../../src/client/resume-folder.js'
import { isOf, nameOfBegun, noteLifetimeMs, type ResumeStore } from '../../src/client/resume-store.js'
import { makeResumeWebStorage } from '../../src/client/resume-web-storage.js'

const begun = {
  server: 'https://photos.example',
  account: 'p',
  sha256: 'a'.repeat(64),
  sizeBytes: 5,
  ifDeleted: 'keep',
  partOf: undefined,
} as const

test('uploads that differ in anything have different names', () => {
  const partOf = { photo: 'p1', role: 'edit' } as const
  const others = [
    { ...begun, server: 'https://other.example' },
    { ...begun, account: 'q' },
    { ...begun, sha256: 'b'.repeat(64) },
    { ...begun, sizeBytes: 6 },
    { ...begun, ifDeleted: 'restore' as const },
    { ...begun, partOf },
    { ...begun, partOf: { ...partOf, role: 'motion' as const } },
    { ...begun, partOf: { ...partOf, photo: 'p2' } },
  ]
  expect(new Set([begun, ...others].map(nameOfBegun)).size).toBe(others.length + 1)
})

test.each([
  ['https://photos.example/v1/uploads/1', true],
  ['https://photos.example:8443/v1/uploads/1', false],
  ['http://photos.example/v1/uploads/1', false],
  ['https://photos.example.org/v1/uploads/1', false],
  ['/v1/uploads/1', false],
  ['javascript:alert(1)', false],
  ['', false],
])('%s is an address of this server: %s', (address, expected) => {
  expect(isOf('https://photos.example/sync', address)).toBe(expected)
})

let folder: string
let storage: Map<string, string>
let nowMs: number
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'photosync-begun-')), 'below', 'it')
  storage = new Map()
  nowMs = Date.now()
})
afterEach(() => rm(join(folder, '..', '..'), { recursive: true }))

const web = (): Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'> => ({
  getItem: key => storage.get(key) ?? null,
  setItem: (key, value) => void storage.set(key, value),
  removeItem: key => void storage.delete(key),
  key: index => [...storage.keys()][index] ?? null,
  get length() {
    return storage.size
  },
})
const stores: [string, (notesMax?: number) => ResumeStore][] = [
  ['a folder', notesMax => makeResumeFolder(folder, { now: () => nowMs, ...(notesMax && { notesMax }) })],
  ['a page’s storage', notesMax => makeResumeWebStorage(web(), { now: () => nowMs, ...(notesMax && { notesMax }) })],
]

describe.each(stores)('%s', (_title, make) => {
  test('gives back what was put in, also to a later program, until it is removed', async () => {
    const store = make()
    expect(await store.get('a')).toBeUndefined()
    await store.put('a', 'https://x.example/1')
    await store.put('b', 'https://x.example/2')
    await store.put('a', 'https://x.example/3')
    const later = make()
    expect([await later.get('a'), await later.get('b')]).toEqual(['https://x.example/3', 'https://x.example/2'])
    await later.remove('a')
    await later.remove('a')
    expect([await store.get('a'), await store.get('b')]).toEqual([undefined, 'https://x.example/2'])
  })

  test('forgets what is old', async () => {
    await make().put('a', 'x')
    nowMs += noteLifetimeMs - 10_000
    expect(await make().get('a')).toBe('x')
    nowMs += 20_000
    expect(await make().get('a')).toBeUndefined()
  })

  test('keeps the newest of too many', async () => {
    const store = make(5)
    for (let i = 0; i < 20; i++) {
      nowMs += 1_000
      await store.put(String(i), `x${i}`)
    }
    const known = await Promise.all(Array.from({ length: 20 }, (_, i) => store.get(String(i))))
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(10)
    expect(known.at(-1)).toBe('x19')
  })

  test.each([
    ['a year', 365 * 24 * 3600_000],
    ['a day', 24 * 3600_000],
  ])('what was noted while the clock was %s ahead does not crowd out what is noted now', async (_, aheadMs) => {
    nowMs += aheadMs
    for (let i = 0; i < 5; i++) await make(5).put(`ahead ${i}`, `x${i}`)
    nowMs -= aheadMs
    for (let i = 0; i < 3; i++) {
      await make(5).put(`now ${i}`, `y${i}`)
      expect(await make(5).get(`now ${i}`)).toBe(`y${i}`)
    }
  })
})

describe('what is done to a store', () => {
  test('garbage in the folder is no note, and what others put there stays', async () => {
    const store = makeResumeFolder(folder, { notesMax: 1 })
    await store.put('a', 'x')
    const [note = ''] = await readdir(folder)
    await writeFile(join(folder, 'precious.jpg'), 'a photo')
    for (const garbage of ['', '{', 'null', '{"name":"a"}', '{"name":"b","address":"x"}', '{"name":"a","address":7}']) {
      await writeFile(join(folder, note), garbage)
      expect(await store.get('a')).toBeUndefined()
    }
    await writeFile(join(folder, note), Buffer.alloc(1_000_000))
    expect(await store.get('a')).toBeUndefined()
    for (let i = 0; i < 5; i++) await store.put(String(i), 'y')
    expect(await readFile(join(folder, 'precious.jpg'), 'utf8')).toBe('a photo')
    expect(await readdir(folder)).toHaveLength(2)
  })

  test('a folder that cannot be is a store that remembers nothing', async () => {
    await mkdir(join(folder, '..'), { recursive: true })
    await writeFile(folder, 'a file')
    const store = makeResumeFolder(folder)
    await store.put('a', 'x')
    await store.remove('a')
    expect(await store.get('a')).toBeUndefined()
  })

  test('a storage that is full, or forbidden, or not there, or of somebody else', async () => {
    const refuse = () => {
      throw new Error('quota')
    }
    const stores = [
      makeResumeWebStorage({ getItem: refuse, setItem: refuse, removeItem: refuse, key: refuse, length: 3 }),
      makeResumeWebStorage(undefined),
    ]
    for (const store of stores) {
      await store.put('a', 'x')
      await store.remove('a')
      expect(await store.get('a')).toBeUndefined()
    }
    storage.set('settings', 'theirs')
    const store = makeResumeWebStorage(web(), { notesMax: 1 })
    await store.put('a', 'x')
    const [key = ''] = [...storage.keys()].filter(each => each !== 'settings')
    for (const garbage of ['', '{', 'null', '7', '{"address":"x"}', '{"address":7,"at":1}']) {
      storage.set(key, garbage)
      expect(await store.get('a')).toBeUndefined()
    }
    await store.put('b', 'y')
    expect(storage.get('settings')).toBe('theirs')
  })
})
