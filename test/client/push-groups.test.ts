/** The goal: what is one photo arrives as one, its parts after it and never without it; what its owner deleted stays so. */
import { createHash } from 'node:crypto'
import { rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { summary } from '../../src/cli/push-report.js'
import { photoOf, problem } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const uploads = () => scene.server.requests.filter(request => request === 'POST /v1/uploads').length

/** One photo of five files, all of one time. */
async function writePhoto(stem = '1234', seed = 0): Promise<Record<'whole' | 'motion' | 'edit' | 'sidecar', Buffer>> {
  const photo = {
    whole: await scene.write(`IMG_${stem}.HEIC`, content(seed + 1, 900)),
    motion: await scene.write(`IMG_${stem}.MOV`, content(seed + 2, 900)),
    edit: await scene.write(`IMG_E${stem}.HEIC`, content(seed + 3, 900)),
    sidecar: await scene.write(`IMG_${stem}.xmp`, content(seed + 4, 300)),
  }
  await scene.write(`IMG_${stem}.AAE`, content(seed + 5, 10))
  for (const name of [`IMG_${stem}.HEIC`, `IMG_${stem}.MOV`]) await makeOld(name)
  return photo
}

const makeOld = (name: string) => utimes(join(scene.folder, name), 1e9, 1e9)
const base64 = (text: string) => Buffer.from(text).toString('base64')
const sentAs = (bytes: Buffer) => scene.server.stored.get(sha256(bytes))?.metadata

describe('a photo with its parts', () => {
  test('its file goes first, each part says whose it is', async () => {
    const photo = await writePhoto()
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 4, failed: [], skipped: 1 })
    expect(result.files[0]?.file).toBe('IMG_1234.HEIC')
    const partOf = photoOf(sha256(photo.whole))
    expect(sentAs(photo.whole)).not.toHaveProperty('partOf')
    expect(sentAs(photo.motion)).toMatchObject({
      partOf,
      role: 'motion',
      filetype: 'video/quicktime',
      ifDeleted: 'keep',
    })
    expect(sentAs(photo.edit)).toMatchObject({ partOf, role: 'edit' })
    expect(sentAs(photo.sidecar)).toMatchObject({ partOf, role: 'sidecar', filetype: 'application/rdf+xml' })
  })

  test('one that is there gets only the parts it lacks, and then nothing', async () => {
    const photo = await writePhoto()
    await scene.push()
    for (const part of [photo.edit, photo.sidecar]) scene.server.stored.delete(sha256(part))
    expect(await scene.push()).toMatchObject({ stored: 2, alreadyThere: 2 })
    expect(sentAs(photo.sidecar)).toMatchObject({ partOf: photoOf(sha256(photo.whole)), role: 'sidecar' })
    expect(await scene.push()).toMatchObject({ stored: 0, alreadyThere: 4, bytesSent: 0 })
  })

  test('a sidecar that is there for another photo is sent for this one', async () => {
    await scene.write('a.jpg', content(20, 500))
    await scene.write('a.xmp', content(21, 200))
    await scene.push()
    await rm(join(scene.folder, 'a.xmp'))
    await scene.write('b.jpg', content(22, 500))
    await scene.write('b.xmp', content(21, 200))
    expect(await scene.push()).toMatchObject({ stored: 1, duplicates: 1, alreadyThere: 1 })
    expect(uploads()).toBe(4)
  })

  test('copies of a whole photo in another folder are copies, part for part', async () => {
    await writePhoto()
    for (const copy of ['copy/', 'other/copy/']) {
      for (const [i, name] of ['IMG_1234.HEIC', 'IMG_1234.MOV', 'IMG_E1234.HEIC'].entries()) {
        await scene.write(copy + name, content(i + 1, 900))
        await utimes(join(scene.folder, copy + name), 1e9, 1e9)
      }
    }
    expect(await scene.push()).toMatchObject({ stored: 4, duplicates: 6, failed: [] })
    expect(uploads()).toBe(4)
  })

  describe('a copy of an edit in another folder, with a sidecar of its own', () => {
    const write = async (folder: string) => {
      await scene.write(`${folder}/IMG_1-edited.JPG`, content(31, 900))
      await scene.write(`${folder}/IMG_1-edited.xmp`, content(32, 300))
    }
    const expectTied = (photo: Buffer, edit: Buffer) => {
      const partOf = photoOf(sha256(photo))
      expect(sentAs(photo)).not.toHaveProperty('partOf')
      expect(sentAs(edit)).toMatchObject({ partOf, role: 'edit' })
      // A part of a part is none: the words about it go to its photo.
      expect(sentAs(content(32, 300))).toMatchObject({ partOf, role: 'sidecar' })
    }
    const writePair = async () => ({
      photo: await scene.write('DCIM/IMG_1.JPG', content(30, 900)),
      edit: await scene.write('DCIM/IMG_1-edited.JPG', content(31, 900)),
    })

    test.each(['A', 'Z'])('all at once, in the folder %s: the edit keeps its tie', async folder => {
      const { photo, edit } = await writePair()
      await write(folder)
      const stateDir = join(scene.folder, '.state')
      // What is remembered is asked about in one question, however slow the machine.
      for (const name of [
        'DCIM/IMG_1.JPG',
        'DCIM/IMG_1-edited.JPG',
        `${folder}/IMG_1-edited.JPG`,
        `${folder}/IMG_1-edited.xmp`,
      ])
        await makeOld(name)
      await scene.push({ stateDir, dryRun: true })
      expect(await scene.push({ stateDir })).toMatchObject({ stored: 3, duplicates: 1, failures: 0 })
      expectTied(photo, edit)
      expect(await scene.push()).toMatchObject({ stored: 0, alreadyThere: 4, failures: 0 })
    })

    test('that comes later', async () => {
      const { photo, edit } = await writePair()
      await scene.push()
      await write('Z')
      expect(await scene.push()).toMatchObject({ stored: 1, alreadyThere: 3, failures: 0 })
      expectTied(photo, edit)
    })

    test('when its photo cannot be stored: the copy is, as a photo of its own, and nobody waits for ever', async () => {
      const { photo } = await writePair()
      await write('Z')
      scene.server.instead = (request, _nth, headers) =>
        request === 'POST /v1/uploads' && String(headers['upload-metadata']).includes(base64(sha256(photo)))
          ? problem(400, 'invalid', 'Not this one')
          : undefined
      expect(await scene.push()).toMatchObject({ stored: 2, failures: 2 })
      expect(sentAs(content(31, 900))).not.toHaveProperty('partOf')
    })

    test('when its photo was deleted: the copy is stored, as a photo of its own', async () => {
      const { photo } = await writePair()
      await write('Z')
      scene.server.deleted.set(sha256(photo), { photo: 'gone', inTrash: false })
      expect(await scene.push()).toMatchObject({ stored: 2, deleted: 2, failures: 0 })
    })
  })

  test('a refused photo: what can stand alone is sent alone; what cannot is told', async () => {
    const photo = await writePhoto()
    scene.server.instead = (request, nth) =>
      request === 'POST /v1/uploads' && nth === 1 ? problem(415, 'unsupported_media', 'Not this kind') : undefined
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 2, failures: 2, refused: 2 })
    expect(sentAs(photo.motion)).not.toHaveProperty('partOf')
    expect(result.failed.map(({ file }) => file).sort()).toEqual(['IMG_1234.HEIC', 'IMG_1234.xmp'])
  })

  test('a photo that fails otherwise takes its parts along, and the next push brings all of them', async () => {
    await writePhoto()
    scene.server.instead = (request, nth) =>
      request === 'POST /v1/uploads' && nth === 1 ? problem(400, 'invalid', 'Not now') : undefined
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 0, failures: 4, refused: 0 })
    expect(result.failed.find(({ file }) => file === 'IMG_1234.MOV')?.reason).toBe(
      'was not sent without its photo, IMG_1234.HEIC',
    )
    expect(await scene.push()).toMatchObject({ stored: 4, failures: 0 })
  })
})

describe('what its owner deleted', () => {
  for (const inTrash of [true, false]) {
    const where = inTrash ? 'in the trash' : 'for good'

    test(`${where}: neither it nor its parts are sent`, async () => {
      const photo = await writePhoto()
      await scene.write('other.jpg', content(50, 500))
      scene.server.deleted.set(sha256(photo.whole), { photo: 'gone', inTrash })
      const result = await scene.push()
      expect(result).toMatchObject({ stored: 1, deleted: 4, failed: [], failures: 0 })
      expect(uploads()).toBe(1)
    })

    test(`${where}: with restore it comes back, and its parts with it`, async () => {
      const photo = await writePhoto()
      scene.server.deleted.set(sha256(photo.whole), { photo: 'gone', inTrash })
      const result = await scene.push({ restore: true })
      expect(result).toMatchObject({ deleted: 0, failed: [], restored: inTrash ? 1 : 0, alreadyThere: inTrash ? 1 : 0 })
      expect(uploads()).toBe(inTrash ? 3 : 4)
      expect(scene.server.deleted.size).toBe(0)
    })
  }

  test('an edit that is new is left out with its photo, which is said, and restored with it', async () => {
    const photo = await scene.write('IMG_1.JPG', content(61, 500))
    const edit = await scene.write('IMG_1-edited.JPG', content(62, 500))
    scene.server.deleted.set(sha256(photo), { photo: 'gone', inTrash: true })
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 0, deleted: 2, failures: 0 })
    expect(summary(result, false)).toContain(
      '2 left out because you deleted them or their photo (--restore sends them)',
    )
    expect(await scene.push({ restore: true })).toMatchObject({ stored: 1, restored: 1, deleted: 0 })
    expect(sentAs(edit)).toMatchObject({ partOf: photoOf(sha256(photo)), role: 'edit' })
  })

  test('what is deleted between the question and the sending stays so', async () => {
    const bytes = await scene.write('a.jpg', content(60, 500))
    scene.server.instead = request => {
      if (request === 'POST /v1/uploads') scene.server.deleted.set(sha256(bytes), { photo: 'gone', inTrash: true })
      return undefined
    }
    expect(await scene.push()).toMatchObject({ stored: 0, deleted: 1, duplicates: 0 })
    expect(scene.server.stored.size).toBe(0)
  })
})

describe('only asked', () => {
  test('a dry run says what would be sent, sends nothing and takes nothing out of the trash', async () => {
    const photo = await writePhoto()
    const trashed = await scene.write('trashed.jpg', content(70, 500))
    await scene.write('copy.heic', photo.whole)
    scene.server.deleted.set(sha256(trashed), { photo: 'gone', inTrash: true })
    const plain = await scene.push({ dryRun: true })
    expect(plain).toMatchObject({ stored: 0, missing: 4, missingBytes: 3_000, duplicates: 1, deleted: 1, bytesSent: 0 })
    const names = plain.files.filter(({ outcome }) => outcome === 'missing').map(({ file }) => file)
    // Of two files of one content either counts as it.
    const told = names.map(name => (name === 'copy.heic' ? 'IMG_1234.HEIC' : name))
    expect(told.sort()).toEqual(['IMG_1234.HEIC', 'IMG_1234.MOV', 'IMG_1234.xmp', 'IMG_E1234.HEIC'])
    expect(await scene.push({ dryRun: true, restore: true })).toMatchObject({ missing: 5, deleted: 0 })
    expect(scene.server.requests.filter(request => !/me$|check$/.test(request))).toEqual([])
  })
})

describe('what is remembered', () => {
  test('a second push reads nothing; a file changed so that nothing shows is read when the server says so', async () => {
    const stateDir = join(scene.folder, '.state')
    for (let i = 0; i < 12; i++) {
      await scene.write(`${i}.jpg`, content(80 + i, 700))
      await utimes(join(scene.folder, `${i}.jpg`), 1e9, 1e9)
    }
    await scene.push({ stateDir })
    const again = await scene.push({ stateDir })
    expect(again).toMatchObject({ alreadyThere: 12, requests: 2 })

    const changed = await scene.write('3.jpg', content(99, 700))
    await utimes(join(scene.folder, '3.jpg'), 1e9, 1e9)
    // Nothing shows that it changed, so it counts as there; a server that lacks it finds out.
    expect(await scene.push({ stateDir })).toMatchObject({ alreadyThere: 12, bytesSent: 0 })
    scene.server.stored.clear()
    scene.server.instead = (request, _nth, headers) =>
      request === 'POST /v1/uploads' && !honest(headers['upload-metadata'], changed)
        ? problem(460, 'checksum_mismatch', 'These are other bytes')
        : undefined
    expect(await scene.push({ stateDir })).toMatchObject({ stored: 12, failed: [] })
    expect(scene.server.stored.has(sha256(changed))).toBe(true)
  })

  /** What a server finds out at the end: the file of the seed that was overwritten is announced by its old hash. */
  const honest = (metadata: unknown, changed: Buffer): boolean => {
    const told = Object.fromEntries(
      String(metadata)
        .split(',')
        .map(pair => pair.split(' ') as [string, string]),
    )
    const text = (key: string) => Buffer.from(told[key] ?? '', 'base64').toString()
    return text('filename') !== '3.jpg' || text('sha256') === sha256(changed)
  }
})
