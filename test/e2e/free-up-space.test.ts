/**
 * Goal: `photosync free-up-space` removes a picture from its owner's disk when, and only when, a worker of the service has
 * read the stored original again and found it whole. Against the service as it runs in production.
 */
import { execFileSync } from 'node:child_process'
import { chmod, link, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { freeUpSpaceCommand } from '../../src/cli/free-up-space.js'
import { makeFeedApi } from '../../src/client/index.js'
import { originalKey } from '../../src/core/keys.js'
import { bytes } from '../../src/storage/bucket.js'
import { waitUntil } from '../support/wait-until.js'
import {
  api,
  command,
  deadlineMs,
  dir,
  draw,
  free,
  hashOf,
  left,
  person,
  photoOf,
  pushAll,
  pushAndVerify,
  put,
  service,
  useFreeUpScene,
} from './free-up-scene.js'

// Each takes seconds; processes that start on a busy machine take many more.
vi.setConfig({ testTimeout: 180_000 })

useFreeUpScene()

test('a picture stays while it is only stored, and goes once a worker has verified it', async () => {
  const path = await draw('DCIM/a.jpg')
  await put('DCIM/a.xmp', '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
  await put('notes.txt', 'not a picture')
  await draw('young.jpg')
  await utimes(join(dir, 'young.jpg'), new Date(), new Date())
  await service.worker.stop()
  await pushAll()
  const all = ['DCIM/a.jpg', 'DCIM/a.xmp', 'notes.txt', 'young.jpg']

  const early = await command('--yes')
  expect(early).toMatchObject({ status: 0, canGo: { files: 0 }, removed: 0 })
  const reason = 'is stored but not verified yet: try again later'
  expect(early.stays).toEqual(expect.arrayContaining([{ file: 'DCIM/a.jpg', reason }]))
  expect(early.stays?.map(({ file }) => file).sort()).toEqual(['DCIM/a.jpg', 'DCIM/a.xmp', 'young.jpg'])
  expect(await left()).toEqual(all)

  await service.startWorker()
  await pushAndVerify(path, join(dir, 'DCIM/a.xmp'))
  await draw('later.jpg')
  const dry = await command('--dry-run')
  expect(dry).toMatchObject({ status: 0, canGo: { files: 2 }, removed: 0 })
  expect(dry.said).toContain('would go: DCIM/a.jpg\n')
  expect(await left()).toEqual([...all, 'later.jpg'].sort())

  const done = await command('--yes')
  expect(done).toMatchObject({ status: 0, canGo: { files: 2 }, removed: 2, failed: [] })
  expect(done.stays).toEqual(
    expect.arrayContaining([
      { file: 'later.jpg', reason: 'is not on the server: push it first' },
      { file: 'young.jpg', reason: 'is newer than that' },
    ]),
  )
  expect(await left()).toEqual(['later.jpg', 'notes.txt', 'young.jpg'])
  expect(await readdir(dir)).toContain('DCIM')
})

test('what the server is asked about is what is on the disk now, and a photo stays whole', async () => {
  const changed = await draw('changed.jpg')
  const paired = await draw('paired.jpg')
  const sidecar = await put('paired.xmp', '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
  await pushAndVerify(changed, paired, sidecar)
  await put('changed.jpg', Buffer.concat([await readFile(changed), Buffer.from('!')]))
  await put('paired.xmp', '<x:xmpmeta xmlns:x="adobe:ns:meta/"> </x:xmpmeta>')
  const result = await free()
  expect(result).toMatchObject({ removed: 0, confirmed: false })
  expect(result.stays).toEqual(
    expect.arrayContaining([
      { file: 'changed.jpg', reason: 'missing' },
      { file: 'paired.jpg', reason: 'part' },
      { file: 'paired.xmp', reason: 'missing' },
    ]),
  )
  expect(await left()).toEqual(['changed.jpg', 'paired.jpg', 'paired.xmp'])
})

test('a file that changes, moves or becomes a link after it was listed stays', async () => {
  const [written, linked, fine] = [await draw('written.jpg'), await draw('linked.jpg'), await draw('fine.jpg')]
  await pushAndVerify(written, linked, fine)
  const result = await free({
    confirm: async ({ goes }) => {
      expect(goes).toHaveLength(3)
      const content = await readFile(written)
      await put('written.jpg', Buffer.from(content.map(byte => byte ^ 1)))
      await rm(linked)
      await symlink(fine, linked)
      return true
    },
  })
  expect(result).toMatchObject({ removed: 1, failed: [] })
  expect(result.stays).toEqual([
    { file: 'linked.jpg', reason: 'changed' },
    { file: 'written.jpg', reason: 'changed' },
  ])
  expect(await left()).toEqual(['linked.jpg', 'written.jpg'])
})

test('a photo that comes into the trash while its owner thinks stays', async () => {
  const [trashed, fine] = [await draw('trashed.jpg'), await draw('fine.jpg')]
  await pushAndVerify(trashed, fine)
  const photo = await photoOf(trashed)
  const result = await free({
    confirm: async ({ goes }) => {
      expect(goes).toHaveLength(2)
      await makeFeedApi({ server: service.server, token: person.token }).trash([photo])
      return true
    },
  })
  expect(result).toMatchObject({ removed: 1, stays: [{ file: 'trashed.jpg', reason: 'deleted' }] })
  expect(await left()).toEqual(['trashed.jpg'])
})

test('an answer that is old is asked for again: what came into the trash while others were removed stays', async () => {
  const [first, second] = [await draw('1.jpg'), await draw('2.jpg')]
  await pushAndVerify(first, second)
  const photo = await photoOf(second)
  const result = await free({
    answerAgeMaxMs: -1, // old at once
    onEvent: ({ kind }) => {
      // Nothing else happens here meanwhile, so it is in the trash before the next one is looked at.
      if (kind === 'removed') trashInAnotherProcess(photo)
    },
  })
  expect(result).toMatchObject({ removed: 1, stays: [{ file: '2.jpg', reason: 'deleted' }] })
  expect(await left()).toEqual(['2.jpg'])
})

function trashInAnotherProcess(photo: string): void {
  const headers = { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify({ photos: [photo] }) }
  const url = `${service.server}/v1/photos/trash`
  const program = `fetch(${JSON.stringify(url)}, ${JSON.stringify(request)}).then(({ ok }) => process.exit(ok ? 0 : 1))`
  execFileSync(process.execPath, ['-e', program])
}

test('an original that is damaged in the store is no reason to remove anything', async () => {
  const path = await draw('a.jpg')
  await service.worker.stop()
  await pushAll()
  const key = originalKey({ person: person.id, epoch: 1 }, await photoOf(path))
  const content = await readFile(path)
  await service.bucket.put(key, bytes(Buffer.from(content.map(byte => byte ^ 1))))
  await service.startWorker()
  const seen = async () => (await api().check([await hashOf(path)])).here.every(({ state }) => state !== 'stored')
  await waitUntil(seen, { what: 'the worker has looked at it', deadlineMs })
  expect(await free()).toMatchObject({ removed: 0, plan: { goes: [] } })
  expect(await left()).toEqual(['a.jpg'])
})

test('links are not followed, and files of two names stay', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'photosync-outside-'))
  try {
    const path = await draw('a.jpg')
    await pushAndVerify(path)
    await writeFile(join(outside, 'a.jpg'), await readFile(path))
    await symlink(outside, join(dir, 'folder'))
    await symlink(path, join(dir, 'l.jpg'))
    await link(path, join(outside, 'b.jpg'))
    expect(await free()).toMatchObject({ removed: 0, stays: [{ file: 'a.jpg', reason: 'changed' }] })
    await rm(join(outside, 'b.jpg'))
    expect(await free()).toMatchObject({ removed: 1 })
    expect([await readdir(outside), await left()]).toEqual([['a.jpg'], ['folder', 'l.jpg']])
  } finally {
    await rm(outside, { recursive: true })
  }
})

test('what may not be removed is told, with status 1 and the rest done', async () => {
  const [kept, fine] = [await draw('locked/kept.jpg'), await draw('fine.jpg')]
  await pushAndVerify(kept, fine)
  await chmod(dir, 0o777)
  await chmod(join(dir, 'locked'), 0o555)
  const asRoot = process.geteuid?.() === 0
  try {
    if (asRoot) process.seteuid?.('nobody')
    expect(await free()).toMatchObject({
      removed: 1,
      failed: [{ file: 'locked/kept.jpg', reason: 'may not be removed (permission denied)' }],
    })
  } finally {
    if (asRoot) process.seteuid?.(0)
    await chmod(join(dir, 'locked'), 0o755)
  }
  expect(await left()).toEqual(['locked/kept.jpg'])
})

test('a wrong token, no server, no folder: one sentence, status 1, and nothing is removed', async () => {
  const path = await draw('a.jpg')
  await pushAndVerify(path)
  for (const args of [
    ['--token', 'ps1.ap-southeast-1.wrong'],
    ['--server', 'http://127.0.0.1:9'],
  ]) {
    const { status, said } = await command('--yes', ...args)
    expect({ status, said }).toEqual({ status: 1, said: expect.stringMatching(/^photosync: [^\n]+\n$/) })
  }
  await expect(free({ dirs: [join(dir, 'none')] })).rejects.toMatchObject({ kind: 'not_found' })
  await expect(free({ dirs: [path] })).rejects.toMatchObject({ kind: 'invalid' })
  expect(await left()).toEqual(['a.jpg'])
})

test.each([
  ['n\n', 0, ['a.jpg']],
  ['y\n', 0, []],
  ['Ctrl-C', 130, ['a.jpg']],
])('on a terminal it asks; %j is status %i', async (answer, status, after) => {
  await pushAndVerify(await draw('a.jpg'))
  const stop = new AbortController()
  const terminal = Object.assign(new PassThrough(), { isTTY: true })
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  let asked = ''
  stderr.on('data', (piece: Buffer) => {
    asked += String(piece)
    if (!asked.includes('[y/N]') || stop.signal.aborted) return
    if (answer === 'Ctrl-C') stop.abort(new Error('stopped'))
    else terminal.write(answer)
  })
  const args = [dir, '--older-than', '30d', '--server', service.server]
  const io = { stdout, stderr, signal: stop.signal, env: { PHOTOSYNC_TOKEN: person.token } }
  expect(await freeUpSpaceCommand(args, io, terminal)).toBe(status)
  expect(asked).toMatch(/^Remove 1 file \(0\.0 MB\) from this disk\? \[y\/N\] /)
  expect(await left()).toEqual(after)
})
