/**
 * Goal: whoever relies on the sample gallery can rely on it. The same seed gives the same bytes; every EXIF orientation
 * is there and true to the pixels; dates, offsets and places read back; copies are copies; the broken file is broken.
 */

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ExifReader from 'exifreader'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DrawnFile, drawGallery } from '../fixtures/draw-gallery.js'
import { planGallery } from '../fixtures/gallery-plan.js'
import type { Orientation } from '../fixtures/pixels.js'
import { drawScene } from '../fixtures/scenes/draw-scene.js'
import { cornerColours, tinyAvif, tinyGif, tinyJpeg, tinyPng, tinyTiff, tinyWebp } from '../fixtures/small.js'

const orientations: Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8]
const wish = { seed: 7, photos: 9, megapixels: 0.3, plain: false }

let root: string
let dir: string
let files: DrawnFile[]

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'photosync-fixtures-'))
  dir = join(root, 'gallery')
  files = await drawGallery(dir, wish)
}, 60_000)

afterAll(() => rm(root, { recursive: true, force: true }))

const read = (file: DrawnFile) => readFile(join(dir, file.path))
const photos = () => files.filter(file => file.orientation !== undefined && !file.copyOf)

describe('the sample gallery', () => {
  test('is the same to the byte for the same seed, and another one for another seed', async () => {
    const again = await drawGallery(join(root, 'again'), wish)
    expect(again).toEqual(files)
    const other = await drawGallery(join(root, 'other'), { ...wish, seed: 8, photos: 1, plain: true })
    expect(files.map(file => file.sha256)).not.toContain(other[0]?.sha256)
  }, 60_000)

  test('tells the truth about every file: hash, size, time, and nothing else is in the folder', async () => {
    for (const file of files) {
      const bytes = await read(file)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256)
      expect(bytes.length).toBe(file.sizeBytes)
      if (file.takenAt) {
        expect((await stat(join(dir, file.path))).mtime.toISOString()).toBe(new Date(file.takenAt).toISOString())
      }
    }
    const found = (await readdir(dir, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
    expect(found.filter(entry => !entry.name.startsWith('.'))).toHaveLength(files.length)
  })

  test('has all eight orientations, and each picture is upright once its tag is obeyed', async () => {
    expect(new Set(photos().map(file => file.orientation))).toEqual(new Set(orientations))
    const plan = planGallery(wish)
    for (const file of photos()) {
      const planned = plan.find(other => other.path === file.path)
      if (planned?.kind !== 'photo') throw new Error(`${file.path} is not in the plan`)
      const tall = planned.orientation >= 5
      const scene = await drawScene(planned.scene, tall ? 480 : 640, tall ? 640 : 480)
      const wanted = await small(sharp(scene.data, { raw: { width: scene.width, height: scene.height, channels: 3 } }))
      const shown = await small(sharp(await read(file)).autoOrient())
      const mirrored = await small(
        sharp(await read(file))
          .autoOrient()
          .flop(),
      )
      expect(distance(shown, wanted), `${file.path}, orientation ${file.orientation}`).toBeLessThan(3)
      expect(distance(mirrored, wanted)).toBeGreaterThan(distance(shown, wanted) * 1.5)
    }
  })

  test('carries dates with offsets, places and cameras that a reader of EXIF finds', async () => {
    for (const file of photos()) {
      const { exif, gps } = ExifReader.load(await read(file), { expanded: true })
      const [day, clock] = String(exif?.DateTimeOriginal?.description).split(' ')
      expect(`${day?.replaceAll(':', '-')}T${clock}${exif?.OffsetTimeOriginal?.description}`).toBe(file.takenAt)
      expect(exif?.Orientation?.value).toBe(file.orientation)
      expect(exif?.Make?.description).toMatch(/\w/)
      expect(exif?.Model?.description).toMatch(/\w/)
      expect(exif?.FNumber?.description).toMatch(/^f\//)
      expect(Math.abs(gps?.Latitude ?? 99)).toBeLessThanOrEqual(90)
      // Clocks follow the sun: a place's offset is within three hours of what its longitude says.
      const hours = Number(file.takenAt?.slice(19, 22)) - (gps?.Longitude ?? 999) / 15
      expect(Math.abs(hours)).toBeLessThan(3.2)
    }
  })

  test('spreads the default plan over 18 months, several offsets, and copies under other names', () => {
    const plan = planGallery({ seed: 1, photos: 44, megapixels: 12, plain: false })
    const drawn = plan.filter(file => file.kind === 'photo')
    const times = drawn.map(file => Date.parse(file.takenAt))
    expect(drawn).toHaveLength(44)
    expect((Math.max(...times) - Math.min(...times)) / 86_400_000).toBeGreaterThan(500)
    expect(new Set(drawn.map(file => file.takenAt.slice(19))).size).toBeGreaterThan(5)
    expect(plan.filter(file => file.kind === 'copy')).toHaveLength(6)
    expect(new Set(plan.map(file => file.path)).size).toBe(plan.length)
    expect(new Set(drawn.map(file => `${file.scene.name} ${file.scene.time}`)).size).toBeGreaterThan(36)
    for (const format of ['png', 'webp', 'avif', 'gif', 'tif']) {
      expect(plan.some(file => file.path.endsWith(format))).toBe(true)
    }
  })

  test('has copies that are equal to the byte', async () => {
    const copies = files.filter(file => file.copyOf)
    expect(copies.length).toBeGreaterThan(0)
    for (const copy of copies) {
      expect(copy.path).not.toBe(copy.copyOf)
      expect(await read(copy)).toEqual(await readFile(join(dir, copy.copyOf ?? '')))
    }
  })

  test('has one file that begins as a JPEG and that no reader accepts; every other one decodes', async () => {
    const broken = files.filter(file => file.corrupt)
    expect(broken).toHaveLength(1)
    for (const file of files) {
      for (const failOn of ['warning', 'none'] as const) {
        const decoded = sharp(await read(file), { failOn })
          .raw()
          .toBuffer()
        if (file.corrupt) await expect(decoded, file.path).rejects.toThrow()
        else await expect(decoded, file.path).resolves.toBeDefined()
      }
    }
    expect((await read(broken[0] as DrawnFile)).subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))
  })

  test('is left alone when complete, and drawn again when it was broken off', async () => {
    const folder = join(root, 'broken-off')
    const few = { ...wish, photos: 2, plain: true }
    const stop = new AbortController()
    const reason = new Error('enough')
    const onProgress = () => stop.abort(reason)
    await expect(drawGallery(folder, { ...few, photos: 6, signal: stop.signal, onProgress })).rejects.toBe(reason)
    const drawn = await drawGallery(folder, few)
    expect(await jpegs(folder)).toHaveLength(2)
    let redrawn = 0
    const count = () => void redrawn++
    expect(await drawGallery(folder, { ...few, onProgress: count })).toEqual(drawn)
    expect(redrawn).toBe(0)
    await writeFile(join(folder, drawn[0]?.path ?? ''), 'short')
    expect(await drawGallery(folder, { ...few, onProgress: count })).toEqual(drawn)
    expect(redrawn).toBe(2)
  })

  test('never mixes with files that are not its own', async () => {
    await writeFile(join(root, 'holiday.jpg'), 'mine')
    await expect(drawGallery(root, wish)).rejects.toThrow(/already holds other files/)
    expect(await readFile(join(root, 'holiday.jpg'), 'utf8')).toBe('mine')
  })
})

describe('tiny pictures', () => {
  test.each(orientations)('a JPEG of orientation %i shows its corners in place', async orientation => {
    for (const make of [tinyJpeg, tinyWebp]) {
      const bytes = await make({ orientation, width: 60, height: 40 })
      expect((await sharp(bytes).metadata()).orientation).toBe(orientation)
      await expectCorners(bytes, 60, 40)
    }
  })

  test.each([tinyPng, tinyAvif, tinyGif, tinyTiff])('%o shows its corners in place', async make => {
    await expectCorners(await make({ width: 60, height: 40 }), 60, 40)
  })

  test('carry what they are told to, and differ by seed alone', async () => {
    const bytes = await tinyJpeg({
      takenAt: '2025-01-02T03:04:05',
      offset: '-03:30',
      gps: { latitude: -33.5, longitude: -70.25, altitude: 12 },
      make: 'Marlow',
      model: 'M-12',
    })
    const { exif, gps } = ExifReader.load(bytes, { expanded: true })
    expect(exif?.DateTimeOriginal?.description).toBe('2025:01:02 03:04:05')
    expect(exif?.OffsetTimeOriginal?.description).toBe('-03:30')
    expect([exif?.Make?.description, exif?.Model?.description]).toEqual(['Marlow', 'M-12'])
    expect([gps?.Latitude, gps?.Longitude, gps?.Altitude]).toEqual([-33.5, -70.25, 12])
    expect(await tinyJpeg({ seed: 1 })).toEqual(await tinyJpeg({ seed: 1 }))
    expect(await tinyJpeg({ seed: 1 })).not.toEqual(await tinyJpeg({ seed: 2 }))
  })
})

async function expectCorners(bytes: Buffer, width: number, height: number): Promise<void> {
  const { data, info } = await sharp(bytes).autoOrient().removeAlpha().raw().toBuffer({ resolveWithObject: true })
  expect([info.width, info.height]).toEqual([width, height])
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * info.channels).subarray(0, 3)]
  const shown = {
    topLeft: at(8, 8),
    topRight: at(width - 8, 8),
    bottomLeft: at(8, height - 8),
    bottomRight: at(width - 8, height - 8),
  }
  for (const [corner, colour] of Object.entries(cornerColours)) {
    const seen = shown[corner as keyof typeof shown]
    for (const band of [0, 1, 2]) expect(Math.abs((seen[band] ?? 0) - (colour[band] ?? 0)), corner).toBeLessThan(30)
  }
}

const small = (picture: Sharp) => picture.resize(32, 32, { fit: 'fill' }).removeAlpha().raw().toBuffer()

/** The mean difference of two pictures of equal size, in steps of 255. */
function distance(a: Buffer, b: Buffer): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length
}

async function jpegs(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  return entries.filter(name => name.endsWith('.jpg'))
}
