/**
 * A folder of pictures and somebody whose service has them, for tests of freeing space: one service for all tests of the file
 * that calls `useFreeUpScene`, and a new person with an empty folder for each.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { type FreeUpOptions, freeUpSpace, makeApi, push } from '../../src/client/index.js'
import { spawnNode } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { type Person, type Service, startService } from './service.js'

export let service: Service
export let person: Person
export let dir: string

export function useFreeUpScene(): void {
  beforeAll(async () => {
    service = await startService('Postgres and a disk')
  })
  afterAll(() => service?.stop())
  beforeEach(async () => {
    person = await service.addPerson()
    dir = await mkdtemp(join(tmpdir(), 'photosync-free-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))
}

export const deadlineMs = 60_000
const dayMs = 24 * 3600_000
let colours = 0

/** A picture that no other test has, last changed two months ago. */
export async function draw(name: string): Promise<string> {
  const number = ++colours
  const background = { r: (number * 37) % 256, g: (number * 91) % 256, b: 64 }
  return put(
    name,
    await sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .jpeg()
      .toBuffer(),
  )
}

export async function put(name: string, content: Buffer | string, ageDays = 60): Promise<string> {
  const path = join(dir, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  const at = new Date(Date.now() - ageDays * dayMs)
  await utimes(path, at, at)
  return path
}

export const pushAll = async () => {
  const { failed } = await push({ server: service.server, token: person.token, dirs: [dir] })
  expect(failed).toEqual([])
}

export const api = () => makeApi({ server: service.server, token: person.token })
export const hashOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

export async function photoOf(path: string): Promise<string> {
  const { here } = await api().check([await hashOf(path)])
  return here[0]?.photo ?? ''
}

export async function pushAndVerify(...paths: string[]): Promise<void> {
  await pushAll()
  const hashes = await Promise.all(paths.map(hashOf))
  const verified = async () => {
    const { here } = await api().check(hashes)
    return hashes.every(hash => here.some(({ sha256, verified }) => sha256 === hash && verified))
  }
  await waitUntil(verified, { what: 'the worker has verified them', deadlineMs })
}

/** What is left on the disk, in order. */
export async function left(): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort()
}

export async function command(...args: string[]) {
  const all = ['free-up-space', dir, '--older-than', '30d', '--server', service.server, '--json', ...args]
  const running = await spawnNode('dist/src/cli/main.js', { args: all, env: { PHOTOSYNC_TOKEN: person.token } })
  const status = await running.exited(deadlineMs)
  const line = running.stdout()
  return { status, said: running.output(), ...(line && (JSON.parse(line) as Line)) }
}

interface Line {
  canGo: { files: number; bytes: number }
  removed: number
  bytes: number
  stays: { file: string; reason: string }[]
  failed: unknown[]
}

export const free = (more: Partial<FreeUpOptions> = {}) =>
  freeUpSpace({
    server: service.server,
    token: person.token,
    dirs: [dir],
    olderThanMs: 30 * dayMs,
    confirm: async () => true,
    ...more,
  })
