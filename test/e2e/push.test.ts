/**
 * Goal: what `photosync push` promises holds against the real service: a photo arrives with its parts, each sidecar with its
 * own photo; a second run sends and reads nothing; what its owner deleted stays deleted, unless it is wanted back; and Ctrl-C
 * ends it whatever it is at.
 */
import { mkdir, mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFeedApi } from '../../src/client/index.js'
import { spawnNode } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { type Person, type Service, startService } from './service.js'

let service: Service
let person: Person
let folder: string
beforeAll(async () => {
  service = await startService('Postgres and a disk')
  person = await service.addPerson()
  folder = await mkdtemp(join(tmpdir(), 'photosync-push-e2e-'))
  await mkdir(join(folder, 'gallery'))
})
afterAll(async () => {
  await service?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function write(name: string, text: string) {
  const path = join(folder, 'gallery', name)
  await writeFile(path, text)
  await utimes(path, 1e9, 1e9)
}

async function pushGallery(...more: string[]) {
  const args = ['push', join(folder, 'gallery'), '--server', service.server, '--json', ...more]
  const env = { PHOTOSYNC_TOKEN: person.token, XDG_STATE_HOME: join(folder, 'state') }
  const command = await spawnNode('dist/src/cli/main.js', { args, env })
  const status = await command.exited(60_000)
  return { status, ...(JSON.parse(command.stdout()) as { stored: number; failed: unknown[]; requests: number }) }
}

const rows = () =>
  service.db.query<{ id: string; fileName: string; partOf: string | null; role: string | null }>(
    `select id, file_name as "fileName", part_of as "partOf", role from photos order by file_name`,
  )

// The smallest that begins like its kind: what it holds is for the workers to find out.
const jpeg = (text: string) => `\u00ff\u00d8\u00ff\u00e0${text}`

test('photos arrive with their parts, and a second run asks once', async () => {
  await write('IMG_1.JPG', jpeg('one'))
  await write('IMG_1-edited.JPG', jpeg('one, edited'))
  await write('IMG_1.xmp', '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
  await write('IMG_2.JPG', jpeg('two'))
  await write('IMG_2.JPG.xmp', '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
  expect(await pushGallery()).toMatchObject({ status: 0, stored: 5, failed: [] })
  const photos = await rows()
  const idOf = (name: string) => photos.find(({ fileName }) => fileName === name)?.id
  expect(photos.map(({ fileName, partOf, role }) => ({ fileName, partOf, role }))).toEqual(
    [
      { fileName: 'IMG_1-edited.JPG', partOf: idOf('IMG_1.JPG'), role: 'edit' },
      { fileName: 'IMG_1.JPG', partOf: null, role: null },
      { fileName: 'IMG_1.xmp', partOf: idOf('IMG_1.JPG'), role: 'sidecar' },
      { fileName: 'IMG_2.JPG', partOf: null, role: null },
      { fileName: 'IMG_2.JPG.xmp', partOf: idOf('IMG_2.JPG'), role: 'sidecar' },
    ].toSorted(
      (a, b) => photos.findIndex(p => p.fileName === a.fileName) - photos.findIndex(p => p.fileName === b.fileName),
    ),
  )
  expect(await pushGallery()).toMatchObject({ status: 0, stored: 0, alreadyThere: 5, bytesSent: 0, requests: 2 })
})

test('what is deleted stays so, in the trash and out of it; --restore brings it back', async () => {
  const api = makeFeedApi({ server: service.server, token: person.token })
  const [first] = (await rows()).filter(({ fileName }) => fileName === 'IMG_1.JPG')
  await api.trash([first?.id ?? ''])
  expect(await pushGallery()).toMatchObject({ status: 0, stored: 0, alreadyThere: 2, deleted: 3 })
  expect(await pushGallery('--restore')).toMatchObject({ status: 0, alreadyThere: 5, deleted: 0, bytesSent: 0 })
  expect((await rows()).map(({ id }) => id)).toContain(first?.id)

  await api.trash([first?.id ?? ''])
  await api.emptyTrash({ all: true })
  expect(await pushGallery()).toMatchObject({ status: 0, stored: 0, alreadyThere: 2, deleted: 3 })
  expect(await pushGallery('--restore')).toMatchObject({ status: 0, stored: 3, alreadyThere: 2, deleted: 0 })
  expect(await pushGallery()).toMatchObject({ status: 0, stored: 0, alreadyThere: 5, deleted: 0 })
})

test('Ctrl-C ends a watch that is busy reading, and what it was reading is told', async () => {
  const videos = join(folder, 'videos')
  await mkdir(videos)
  for (const name of ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4']) {
    await writeFile(join(videos, name), name)
    // Holes: nothing on the disk, and much to read.
    await truncate(join(videos, name), 60e9)
    await utimes(join(videos, name), 1e9, 1e9)
  }
  const args = ['push', videos, '--server', service.server, '--watch', '--json']
  const env = { PHOTOSYNC_TOKEN: person.token, XDG_STATE_HOME: join(folder, 'state') }
  const command = await spawnNode('dist/src/cli/main.js', { args, env })
  try {
    const reading = async () => /^0\/\d\+ files/m.test(command.output())
    await waitUntil(reading, { deadlineMs: 60_000, what: 'it to read' })
    process.kill(command.pid, 'SIGINT')
    expect(await command.exited(30_000)).toBe(1)
    const { stored, failed } = JSON.parse(command.stdout()) as { stored: number; failed: { file: string }[] }
    expect([
      stored,
      failed
        .map(({ file }) => file)
        .sort()
        .slice(0, 2),
    ]).toEqual([0, ['a.mp4', 'b.mp4']])
  } finally {
    await command.kill9()
  }
})
