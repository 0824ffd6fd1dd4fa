/**
 * Goal: what decides that a local file may go errs on one side only. Each word of the server that is less than "verified"
 * keeps the file with all that belongs to it, and a path that leads to anything but the file that was read is left alone.
 */
import { createHash } from 'node:crypto'
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askOwner } from '../../src/cli/ask-owner.js'
import { freeUpSpaceCommand, parseDuration } from '../../src/cli/free-up-space.js'
import { answersOf, findGroups, type HashedLocalFile, judge, readGroup } from '../../src/client/free-up-plan.js'
import type { CheckAnswer, StayReason } from '../../src/client/index.js'
import { readRemovable, removeIfSame } from '../../src/client/removable-file.js'

const state = { dev: 1n, ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n }
const local = (name: string): HashedLocalFile => ({
  name,
  path: `/nowhere/${name}`,
  folder: '/nowhere',
  state,
  sizeBytes: 1,
  sha256: hashOf(name),
})
const hashOf = (name: string) => createHash('sha256').update(name).digest('hex')

type Here = CheckAnswer['here'][number]
const here = (name: string, more: Partial<Here> = {}): Here => ({
  sha256: hashOf(name),
  photo: name,
  state: 'ready',
  reason: null,
  verified: true,
  renditions: 1,
  partOf: null,
  role: null,
  ...more,
})
const gone = (name: string, inTrash: boolean) => ({
  sha256: hashOf(name),
  photo: name,
  at: '2025-06-01T12:00:00Z',
  inTrash,
})

describe('a group goes only when all of it is verified', () => {
  const sidecar = here('a.xmp', { partOf: 'a.jpg', role: 'sidecar' })
  test.each<[string, string[], Partial<CheckAnswer>, (StayReason | 'goes')[]]>([
    ['verified', ['a.jpg'], { here: [here('a.jpg')] }, ['goes']],
    ['verified, though no picture was in it', ['a.jpg'], { here: [here('a.jpg', { state: 'unreadable' })] }, ['goes']],
    ['with its part', ['a.jpg', 'a.xmp'], { here: [here('a.jpg'), sidecar] }, ['goes', 'goes']],
    ['only stored', ['a.jpg'], { here: [here('a.jpg', { state: 'stored', verified: false })] }, ['unverified']],
    ['ready, and a part not verified', ['a.jpg'], { here: [here('a.jpg', { verified: false })] }, ['unverified']],
    ['in quarantine', ['a.jpg'], { here: [here('a.jpg', { state: 'quarantined' })] }, ['quarantined']],
    ['not there', ['a.jpg'], { missing: [hashOf('a.jpg')] }, ['missing']],
    ['not spoken of at all', ['a.jpg'], {}, ['missing']],
    ['here and missing at once', ['a.jpg'], { here: [here('a.jpg')], missing: [hashOf('a.jpg')] }, ['missing']],
    ['in the trash', ['a.jpg'], { deleted: [gone('a.jpg', true)] }, ['deleted']],
    ['deleted', ['a.jpg'], { deleted: [gone('a.jpg', false)] }, ['deleted']],
    ['here and deleted at once', ['a.jpg'], { here: [here('a.jpg')], deleted: [gone('a.jpg', true)] }, ['deleted']],
    [
      'a part not verified',
      ['a.jpg', 'a.xmp'],
      { here: [here('a.jpg'), { ...sidecar, verified: false }] },
      ['part', 'unverified'],
    ],
    ['a part not there', ['a.jpg', 'a.xmp'], { here: [here('a.jpg')] }, ['part', 'missing']],
    ['the whole not there', ['a.jpg', 'a.xmp'], { here: [sidecar] }, ['missing', 'missing']],
    [
      'a sidecar beside another photo alone',
      ['a.jpg', 'a.xmp'],
      { here: [here('a.jpg'), here('a.xmp', { partOf: 'b.jpg', role: 'sidecar' })] },
      ['part', 'missing'],
    ],
    [
      'a sidecar beside this photo, and beside another not verified',
      ['a.jpg', 'a.xmp'],
      { here: [here('a.jpg'), sidecar, here('a.xmp', { partOf: 'b.jpg', role: 'sidecar', verified: false })] },
      ['goes', 'goes'],
    ],
  ])('%s', (_, names, answer, outcomes) => {
    const stays = judge(names.map(local), answersOf({ missing: [], here: [], deleted: [], ...answer }))
    const outcomeOf = (name: string) => stays.find(({ file }) => file === name)?.reason ?? 'goes'
    expect(names.map(outcomeOf)).toEqual(outcomes)
  })
})

describe('a path', () => {
  let folder: string
  let path: string
  const old = new Date('2020-01-01')
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'photosync-free-'))
    path = join(folder, 'in', 'a.jpg')
    await mkdir(join(folder, 'in'))
    await writeFile(path, 'one')
    await utimes(path, old, old)
  })
  afterEach(() => rm(folder, { recursive: true }))

  test('that leads to the file that was read is removed', async () => {
    const file = await readRemovable({ path })
    expect(file).toMatchObject({ sha256: hashOf('one'), sizeBytes: 3 })
    expect(await removeIfSame(file)).toBe(true)
    await expect(lstat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await removeIfSame(file)).toBe(false)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['written to, its size and time put back', () => writeFile(path, 'two').then(() => utimes(path, old, old))],
    ['made longer', () => writeFile(path, 'one more')],
    [
      'another file of the same content and time',
      async () => {
        await writeFile(join(folder, 'b'), 'one')
        await utimes(join(folder, 'b'), old, old)
        await rename(join(folder, 'b'), path)
      },
    ],
    [
      'a link to the very same file',
      async () => {
        await rename(path, join(folder, 'b'))
        await symlink(join(folder, 'b'), path)
      },
    ],
    [
      'in a folder that is a link by now',
      async () => {
        await rename(join(folder, 'in'), join(folder, 'there'))
        await symlink(join(folder, 'there'), join(folder, 'in'))
      },
    ],
    ['a folder', () => rm(path).then(() => mkdir(path))],
    [
      'gone with its folder',
      () => rm(join(folder, 'in'), { recursive: true }).then(() => writeFile(join(folder, 'in'), '')),
    ],
    ['of two names', () => link(path, join(folder, 'b'))],
  ])('%s is left alone', async (_, happens) => {
    const file = await readRemovable({ path })
    await happens()
    const before = await readFile(path, 'utf8').catch(({ code }) => code)
    expect(await removeIfSame(file)).toBe(false)
    expect(await readFile(path, 'utf8').catch(({ code }) => code)).toBe(before)
  })

  test('behind a folder that became a link after it was listed is no candidate: it was not given', async () => {
    const { groups } = await findGroups(
      { path: folder, label: '', isFolder: true, within: await realpath(folder) },
      undefined,
    )
    expect(groups).toMatchObject([[{ name: 'in/a.jpg' }]])
    const outside = await mkdtemp(join(tmpdir(), 'photosync-outside-'))
    await rename(join(folder, 'in'), join(outside, 'there'))
    await symlink(join(outside, 'there'), join(folder, 'in'))
    const read = await readGroup(groups[0] ?? [], new Date(), undefined)
    expect(read).toMatchObject({ stays: [{ file: 'in/a.jpg', reason: 'changed' }] })
    await rm(outside, { recursive: true })
  })

  test('a file of two names, a link, a folder and a young file are not even candidates', async () => {
    const now = new Date()
    const reasonOf = async (name: string) => {
      const read = await readGroup([{ name, path: join(folder, name) }], new Date(now.getTime() - 1_000), undefined)
      return 'stays' in read ? read.stays.map(({ reason, detail }) => detail ?? reason) : ['goes']
    }
    expect(await reasonOf('in/a.jpg')).toEqual(['goes'])
    await symlink(path, join(folder, 'l.jpg'))
    await utimes(join(folder, 'in'), old, old)
    await link(path, join(folder, 'b.jpg'))
    await writeFile(join(folder, 'young.jpg'), 'x')
    await utimes(join(folder, 'young.jpg'), now, new Date(now.getTime() + 3600_000))
    expect(await reasonOf('in/a.jpg')).toEqual(['has several names on this disk (hard links)'])
    expect(await reasonOf('in')).toEqual(['is no file any more'])
    expect(await reasonOf('young.jpg')).toEqual(['newer'])
    expect(await reasonOf('none.jpg')).toEqual(['is gone'])
  })
})

test.each([
  ['30d', 30 * 24 * 3600_000],
  ['12h', 12 * 3600_000],
  ['2w', 14 * 24 * 3600_000],
  ['0d', 0],
  ['', undefined],
  ['30', undefined],
  ['d', undefined],
  ['-1d', undefined],
  ['1.5d', undefined],
  ['30 d', undefined],
  ['30D', undefined],
  ['30days', undefined],
  ['999999w', undefined],
])('%j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  ['y\n', true],
  ['YES\n', true],
  [' y \r\n', true],
  ['\n', false],
  ['n\n', false],
  ['yeah\n', false],
  ['', false],
])('the answer %j is %j', async (text, yes) => {
  const input = new PassThrough()
  input.end(text)
  expect(await askOwner('Remove them?', input, new PassThrough(), new AbortController().signal)).toBe(yes)
})

const wish = ['--older-than', '30d', '--server', 'http://127.0.0.1:9']
test.each([
  [[], 'name one folder'],
  [['DIR', 'DIR'], 'name one folder'],
  [['DIR'], 'say how old'],
  [['DIR', '--older-than', 'old'], '--older-than must be such as'],
  [['DIR', '--older-than', '30d'], 'say which server'],
  [['DIR', '--older-than', '30d', '--server', 'photos.example'], '--server must be a URL'],
  [['DIR', ...wish, '--token', 'a b'], 'the token holds characters'],
  [['DIR', ...wish], 'there is no terminal to ask on: say --yes'],
  [['DIR', ...wish, '--force'], '--force'],
])('%j is one clear sentence and status 2', async (args, part) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const io = { stdout, stderr, signal: new AbortController().signal, env: { PHOTOSYNC_TOKEN: 't' } }
  expect(await freeUpSpaceCommand(args, io, new PassThrough())).toBe(2)
  expect(stdout.read()).toBeNull()
  const said = String(stderr.read())
  expect(said).toMatch(/^photosync: [^\n]+\n$/)
  expect(said).toContain(part)
})
