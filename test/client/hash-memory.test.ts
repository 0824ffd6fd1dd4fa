/** The goal: an unchanged gallery is not read again, and nothing that befalls the memory makes a wrong hash of a file. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type HashMemory, openHashMemory } from '../../src/client/hash-memory.js'
import { findRoots, hashFile } from '../../src/client/index.js'
import { makePackedTable } from '../../src/client/packed-table.js'
import { seededRandom } from '../support/seed.js'

let scratch: string
let folder: string
let stateDir: string
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'photosync-memory-'))
  folder = join(scratch, 'gallery')
  stateDir = join(scratch, 'state')
  await mkdir(folder)
})
afterEach(() => rm(scratch, { recursive: true }))

const hour = 3600_000
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function write(name: string, text: string, ageMs = hour): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  const at = (Date.now() - ageMs) / 1000
  await utimes(path, at, at)
  return path
}

async function factsOf(path: string) {
  const { size, mtimeMs, ino } = await stat(path)
  return { sizeBytes: size, modifiedMs: mtimeMs, inode: ino }
}

interface Opened extends HashMemory {
  /** As a push does it: the hash, and whether the file had to be read for it. */
  hash(path: string): Promise<{ sha256: string; read: boolean }>
  troubles: string[]
}

async function open(dirs: string[] = [folder]): Promise<Opened> {
  const troubles: string[] = []
  const roots = await findRoots(dirs)
  const memory = await openHashMemory({ stateDir, roots, onTrouble: text => troubles.push(text) })
  return {
    ...memory,
    troubles,
    async hash(path) {
      const known = memory.recall(path, await factsOf(path))
      if (known !== undefined) return { sha256: known, read: false }
      const readAtMs = Date.now()
      const { sizeBytes, modifiedMs, inode = 0, sha256 } = await hashFile(path)
      memory.keep(path, { sizeBytes, modifiedMs, inode }, sha256, readAtMs)
      return { sha256, read: true }
    },
  }
}

async function stateFile(): Promise<string> {
  const [name, ...others] = await readdir(join(stateDir, 'hashes'))
  expect(others).toEqual([])
  return join(stateDir, 'hashes', name ?? '')
}

describe('what is remembered', () => {
  test('is found by the next push, also under another root; what changed is read', async () => {
    const a = await write('a.jpg', 'one')
    const b = await write('b.jpg', 'two')
    const first = await open()
    expect(await first.hash(a)).toEqual({ sha256: sha256('one'), read: true })
    expect(await first.hash(b)).toEqual({ sha256: sha256('two'), read: true })
    await first.close(true)

    await write('b.jpg', 'TWO', 2 * hour)
    const second = await open([join(folder, 'a.jpg'), join(folder, 'b.jpg')])
    expect(await second.hash(a)).toEqual({ sha256: sha256('one'), read: false })
    expect(await second.hash(b)).toEqual({ sha256: sha256('TWO'), read: true })
    await second.close(true)
    const third = await open()
    expect(await third.hash(b)).toEqual({ sha256: sha256('TWO'), read: false })
    await third.close(true)
  })

  test('size, time, inode and path all count', async () => {
    const path = await write('a.jpg', 'one')
    const memory = await open()
    await memory.hash(path)
    const facts = await factsOf(path)
    expect(memory.recall(path, facts)).toBe(sha256('one'))
    expect(memory.recall(path, { ...facts, sizeBytes: 4 })).toBeUndefined()
    expect(memory.recall(path, { ...facts, modifiedMs: facts.modifiedMs + 1 })).toBeUndefined()
    expect(memory.recall(path, { ...facts, inode: facts.inode + 1 })).toBeUndefined()
    expect(memory.recall(`${path}.jpg`, facts)).toBeUndefined()
    await memory.close(true)
  })

  test('a file that just changed is not: the next change may not show. A clock a year off does no harm', async () => {
    for (const [name, ageMs, remembered] of [
      ['now', 0, false],
      ['a-second-ago', 1_000, false],
      ['a-minute-ago', 60_000, true],
      ['in-a-year', -365 * 24 * hour, true],
      ['a-year-ago', 365 * 24 * hour, true],
    ] as const) {
      const path = await write(name, name, ageMs)
      const memory = await open()
      await memory.hash(path)
      expect({ name, read: (await memory.hash(path)).read }).toEqual({ name, read: !remembered })
      await memory.close(false)
    }
  })

  test('it holds no name, and is for its owner alone', async () => {
    const path = await write('a-very-private-name.jpg', 'one')
    const memory = await open()
    await memory.hash(path)
    await memory.close(true)
    const file = await stateFile()
    expect((await readFile(file)).includes('private')).toBe(false)
    expect((await stat(file)).mode & 0o077).toBe(0)
  })

  test('without a state folder nothing is, and nothing is written', async () => {
    const path = await write('a.jpg', 'one')
    const none = await openHashMemory({ stateDir: undefined, roots: await findRoots([folder]), onTrouble: () => {} })
    none.keep(path, await factsOf(path), sha256('one'), Date.now())
    expect(none.recall(path, await factsOf(path))).toBeUndefined()
    await none.close(true)
  })
})

describe('what befalls it', () => {
  async function filled(count: number): Promise<string[]> {
    const paths = []
    for (let i = 0; i < count; i++) paths.push(await write(`${i}.jpg`, `content ${i}`))
    const memory = await open()
    for (const path of paths) await memory.hash(path)
    await memory.close(true)
    return paths
  }

  /** Every hash is right; gives how many files had to be read for that. */
  async function readAgain(paths: readonly string[]): Promise<number> {
    const memory = await open()
    let reads = 0
    for (const [i, path] of paths.entries()) {
      const { sha256: hash, read } = await memory.hash(path)
      expect(hash).toBe(sha256(`content ${i}`))
      if (read) reads++
    }
    expect(memory.troubles).toEqual([])
    await memory.close(true)
    return reads
  }

  test('a write that was cut off costs that record, and what is appended after it counts', async () => {
    const paths = await filled(20)
    const file = await stateFile()
    await truncate(file, (await stat(file)).size - 17)
    expect(await readAgain(paths)).toBe(1)
    expect(await readAgain(paths)).toBe(0)
  })

  test('garbage anywhere costs the records that it hits', async () => {
    const random = seededRandom()
    for (let round = 0; round < 30; round++) {
      const paths = await filled(20)
      const file = await stateFile()
      const bytes = await readFile(file)
      const at = random.between(0, bytes.length - 1)
      const junk = random.bytes(random.between(1, 200))
      const damaged =
        random.next() < 0.5
          ? Buffer.concat([bytes.subarray(0, at), junk, bytes.subarray(at)])
          : Buffer.concat([bytes.subarray(0, at), junk, bytes.subarray(at + junk.length)])
      await writeFile(file, damaged)
      expect(await readAgain(paths)).toBeLessThanOrEqual(6)
      expect(await readAgain(paths)).toBe(0)
    }
  })

  test('a file of nothing but garbage is none', async () => {
    const paths = await filled(5)
    await writeFile(await stateFile(), seededRandom().bytes(100_000))
    expect(await readAgain(paths)).toBe(5)
    expect(await readAgain(paths)).toBe(0)
  })

  test('a large file of nothing but garbage is given up soon, and does not stay', async () => {
    const paths = await filled(5)
    const file = await stateFile()
    await writeFile(file, Buffer.concat([await readFile(file), Buffer.alloc(50_000_000)]))
    expect(await readAgain(paths)).toBe(0)
    expect((await stat(file)).size).toBeLessThan(1_000)
    expect(await readAgain(paths)).toBe(0)
  })

  test('a push that ends early finds what it appended to such a file', async () => {
    const paths = await filled(5)
    await writeFile(await stateFile(), Buffer.alloc(1_000_000))
    const broken = await open()
    for (const path of paths) await broken.hash(path)
    await broken.close(false)
    expect(await readAgain(paths)).toBe(0)
  })

  test('garbage between records goes with the next push that is complete', async () => {
    const paths = await filled(20)
    const file = await stateFile()
    const bytes = await readFile(file)
    const junk = seededRandom().bytes(10_000)
    await writeFile(file, Buffer.concat([bytes.subarray(0, 520), junk, bytes.subarray(520)]))
    expect(await readAgain(paths)).toBe(0)
    expect(await readFile(file)).toHaveLength(bytes.length)
  })

  test('two pushes at once on one state: both are remembered', async () => {
    const paths: string[] = []
    for (let i = 0; i < 400; i++) paths.push(await write(`${i}.jpg`, `content ${i}`))
    const [one, two] = [await open(), await open()]
    await Promise.all([
      (async () => {
        for (const path of paths.slice(0, 250)) await one.hash(path)
        await one.close(false)
      })(),
      (async () => {
        for (const path of paths.slice(150)) await two.hash(path)
        await two.close(false)
      })(),
    ])
    expect(await readAgain(paths)).toBe(0)
  })

  test('stale records go when they are most of it; what was not asked for in full stays', async () => {
    const path = await write('a.jpg', 'one')
    const memory = await open()
    const facts = await factsOf(path)
    for (let i = 0; i < 3_000; i++)
      memory.keep(join(folder, `${i}`), { ...facts, inode: i }, sha256(`${i}`), Date.now())
    await memory.hash(path)
    await memory.close(false)
    const before = (await stat(await stateFile())).size

    const broken = await open()
    await broken.hash(path)
    await broken.close(false)
    expect((await stat(await stateFile())).size).toBe(before)
    const whole = await open()
    expect((await whole.hash(path)).read).toBe(false)
    await whole.close(true)
    expect((await stat(await stateFile())).size).toBeLessThan(before / 1_000)
    expect((await (await open()).hash(path)).read).toBe(false)
  })

  test('a state folder that cannot be is told once, and hashing goes on', async () => {
    const path = await write('a.jpg', 'one')
    await writeFile(stateDir, 'a file in its place')
    const memory = await open()
    expect(await memory.hash(path)).toEqual({ sha256: sha256('one'), read: true })
    await memory.close(true)
    expect(memory.troubles).toHaveLength(1)
    expect(memory.troubles[0]).toContain(stateDir)
  })

  test('a file that cannot be written any more is told once, and hashing goes on', async () => {
    const path = await write('a.jpg', 'one')
    await mkdir(join(stateDir, 'hashes'), { recursive: true })
    const memory = await open()
    // What stands where its file should be takes no more than a full disk does.
    const name = createHash('sha256').update(folder).digest('hex').slice(0, 32)
    await mkdir(join(stateDir, 'hashes', name))
    for (let i = 0; i < 300; i++) memory.keep(join(folder, `${i}`), await factsOf(path), sha256('x'), Date.now())
    expect(await memory.hash(path)).toEqual({ sha256: sha256('one'), read: true })
    await memory.close(true)
    expect(memory.troubles).toHaveLength(1)
  })
})

test('the table beneath holds what a map holds', () => {
  const random = seededRandom()
  const table = makePackedTable(8, 3)
  const map = new Map<string, string>()
  for (let i = 0; i < 20_000; i++) {
    const key = random.bytes(8)
    // Keys that fall together are told apart.
    if (random.next() < 0.3) key.fill(7, 0, 7)
    const value = random.bytes(3)
    table.set(key, value)
    map.set(key.toString('hex'), value.toString('hex'))
  }
  expect(table.size).toBe(map.size)
  for (const [key, value] of map) expect(table.get(Buffer.from(key, 'hex'))?.toString('hex')).toBe(value)
  expect(table.get(Buffer.alloc(8, 9))).toBeUndefined()
  expect([...table.entries()]).toHaveLength(map.size)
})
