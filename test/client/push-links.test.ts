/** The goal: no file outside the pushed folder is read or sent, whatever a name in it becomes after it was listed. */
import { renameSync, symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Found, findRoots, galleryFiles } from '../../src/client/index.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const inside = content(1, 900)
const secret = content(2, 900)
let outside: string
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'photosync-outside-'))
  await put(join(outside, 'x.jpg'), secret)
  await put(join(scene.folder, 'a.jpg'), content(3, 900))
  await mkdir(join(scene.folder, 'sub'))
  await put(join(scene.folder, 'sub/x.jpg'), inside)
})
afterEach(() => rm(outside, { recursive: true }))

/** All of one size and time, so that only its place tells one from another. */
async function put(path: string, bytes: Buffer) {
  await writeFile(path, bytes)
  await utimes(path, 1e9, 1e9)
}

function fileBecomesLink() {
  renameSync(join(scene.folder, 'sub/x.jpg'), join(scene.folder, 'sub/.x.jpg'))
  symlinkSync(join(outside, 'x.jpg'), join(scene.folder, 'sub/x.jpg'))
}

function folderBecomesLink() {
  renameSync(join(scene.folder, 'sub'), join(scene.folder, '.sub'))
  symlinkSync(outside, join(scene.folder, 'sub'))
}

async function listed(): Promise<Found[]> {
  const all: Found[] = []
  for await (const found of galleryFiles(await findRoots([scene.folder]))) all.push(found)
  return all
}

const stored = () => [...scene.server.stored.values()].map(({ bytes }) => bytes)
const reason = 'is a link by now, or lies behind one: links are not followed'

describe.each([
  ['a file', fileBecomesLink],
  ['a folder', folderBecomesLink],
])('%s that became a link', (_, becomesLink) => {
  test('after it was listed is not read', async () => {
    const gallery = await listed()
    becomesLink()
    const result = await scene.push({ dirs: [], gallery })
    expect(result).toMatchObject({ stored: 1, failed: [{ file: 'sub/x.jpg', reason }] })
    expect(scene.server.checks.flat()).toHaveLength(1)
    expect(stored()).not.toContainEqual(secret)
  })

  test('after it was read is not sent', async () => {
    scene.server.instead = (request, nth) => {
      if (request === 'POST /v1/sync/check' && nth === 1) becomesLink()
      return undefined
    }
    const result = await scene.push()
    expect(stored()).not.toContainEqual(secret)
    expect(result).toMatchObject({ stored: 1, failed: [{ file: 'sub/x.jpg', reason }] })
  })
})

test('a folder that became a link before it was opened is one failure, and what is behind it has no name', async () => {
  const walk = galleryFiles(await findRoots([scene.folder]))
  const first = await walk.next()
  folderBecomesLink()
  const rest: Found[] = []
  for await (const found of walk) rest.push(found)
  expect([first.value, ...rest]).toMatchObject([
    { kind: 'file', file: { name: 'a.jpg' } },
    { kind: 'unreadable', name: 'sub', reason: `the folder ${reason}` },
  ])
})

test('a link that was named itself is followed: a file, and a folder', async () => {
  const links = join(outside, 'links')
  await mkdir(links)
  await symlink(join(scene.folder, 'a.jpg'), join(links, 'named.jpg'))
  await symlink(join(scene.folder, 'sub'), join(links, 'folder'))
  const result = await scene.push({ dirs: [join(links, 'folder')], files: [join(links, 'named.jpg')] })
  expect(result).toMatchObject({ stored: 2, failed: [] })
})
