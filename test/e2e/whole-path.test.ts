/**
 * Goal: a gallery pushed by `photosync push` is whole in the owner's region, each file accounted for, on the stores of the
 * demo and on those of production alike.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DrawnFile } from '../../fixtures/draw-gallery.js'
import { makeApi } from '../../src/client/index.js'
import { describeWith, spawnNode } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { type Person, type Service, type Stores, startScene } from './service.js'

describe('on Postgres and a disk', () => wholePath('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => wholePath('Redis and S3'))

function wholePath(stores: Stores): void {
  let service: Service
  let person: Person
  let dir: string
  let drawn: DrawnFile[]

  let close: () => Promise<void>
  beforeAll(async () => {
    ;({ service, person, dir, drawn, close } = await startScene(stores, { photos: 12, megapixels: 2 }))
  })
  afterAll(() => close?.())

  const pushAs = async (token: string) => {
    const args = ['push', dir, '--server', service.server, '--json']
    const command = await spawnNode('dist/src/cli/main.js', {
      args,
      env: { PHOTOSYNC_TOKEN: token, XDG_STATE_HOME: join(dir, '.state') },
    })
    const status = await command.exited(60_000)
    return {
      status,
      ...(JSON.parse(command.stdout()) as {
        stored: number
        duplicates: number
        alreadyThere: number
        failed: unknown[]
        bytesSent: number
      }),
    }
  }
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(service.server + path, { headers: { Authorization: `Bearer ${person.token}`, ...headers } })

  test('every file is stored once, made into thumbnails, or told to be unreadable', async () => {
    const different = new Set(drawn.map(({ sha256 }) => sha256))
    // Without that no place would be kept.
    await makeApi({ server: service.server, token: person.token }).keepPlaces(true)
    const result = await pushAs(person.token)
    expect(result).toMatchObject({
      status: 0,
      stored: different.size,
      duplicates: drawn.length - different.size,
      failed: [],
    })

    const api = makeApi({ server: service.server, token: person.token })
    await waitUntil(async () => (await api.me()).waiting === 0, { deadlineMs: 30_000, what: 'the thumbnails' })
    const { missing, here } = await api.check([...different])
    expect(missing).toEqual([])
    const corrupt = new Set(drawn.flatMap(file => (file.corrupt ? file.sha256 : [])))
    for (const { sha256, state, reason, verified } of here) {
      expect({ sha256, state, reason: reason !== null, verified }).toEqual({
        sha256,
        state: corrupt.has(sha256) ? 'unreadable' : 'ready',
        reason: corrupt.has(sha256),
        verified: true,
      })
    }
  })

  test('a second push sends nothing', async () => {
    expect(await pushAs(person.token)).toMatchObject({ status: 0, stored: 0, alreadyThere: drawn.length, bytesSent: 0 })
  })

  test('originals come back byte for byte, from the API and in the bucket', async () => {
    const rows = await service.db.query<{ id: string; sha256: Buffer; epoch: number }>(
      'select id, sha256, epoch from photos',
    )
    const byHash = new Map(drawn.map(file => [file.sha256, file]))
    for (const { id, sha256, epoch } of rows) {
      const file = byHash.get(sha256.toString('hex'))
      const source = await readFile(join(dir, file?.path ?? ''))
      const told = Buffer.from(await (await get(`/v1/photos/${id}/original`)).arrayBuffer())
      const kept = await buffer((await service.bucket.get(`u/${person.id}/${epoch}/o/${id}`)).body)
      expect(told.equals(source) && kept.equals(source)).toBe(true)
    }
  })

  test('renditions are upright, and the catalogue knows date, camera and place', async () => {
    const byHash = new Map(drawn.map(file => [file.sha256, file]))
    const rows = await service.db.query<{ id: string; sha256: Buffer }>(
      `select id, sha256 from photos where state = 'ready'`,
    )
    const seen = new Set<number>()
    for (const { id, sha256 } of rows) {
      const file = byHash.get(sha256.toString('hex'))
      if (!file?.orientation || !file.path.endsWith('.jpg')) continue
      seen.add(file.orientation)
      const upright = await sharp(join(dir, file.path))
        .autoOrient()
        .resize(64, 64, { fit: 'fill' })
        .removeAlpha()
        .raw()
        .toBuffer()
      const thumbnail = Buffer.from(await (await get(`/v1/photos/${id}/renditions/256.webp`)).arrayBuffer())
      const shown = await sharp(thumbnail).resize(64, 64, { fit: 'fill' }).removeAlpha().raw().toBuffer()
      expect(meanDifference(upright, shown)).toBeLessThan(12)
      const photo = (await (await get(`/v1/photos/${id}`)).json()) as Record<string, unknown>
      expect(photo).toMatchObject({
        takenAt: file.takenAt?.slice(0, 19),
        place: { latitude: expect.any(Number) },
        camera: { make: expect.any(String) },
      })
      const { width, height } = await sharp(thumbnail).metadata()
      expect(Math.sign((photo.width as number) - (photo.height as number))).toBe(Math.sign(width - height))
    }
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('nothing is left in the bucket but originals and renditions of photos', async () => {
    const photos = new Set((await service.db.query<{ id: string }>('select id from photos')).map(({ id }) => id))
    const strangers: string[] = []
    for await (const { key } of service.bucket.list('u/')) {
      const [, , , kind, photo = ''] = key.split('/')
      if (kind === 'up' || !photos.has(photo)) strangers.push(key)
    }
    expect(strangers).toEqual([])
  })

  test('a second handset with the same photos gets receipts for the same ones', async () => {
    const file = drawn.find(({ corrupt, copyOf }) => !corrupt && !copyOf) as DrawnFile
    const source = await readFile(join(dir, file.path))
    const response = await fetch(`${service.server}/v1/uploads`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${person.token}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Length': String(source.length),
        'Content-Type': 'application/offset+octet-stream',
      },
      body: new Uint8Array(source),
    })
    const [row] = await service.db.query<{ id: string }>('select id from photos where sha256 = $1', [
      createHash('sha256').update(source).digest(),
    ])
    expect(response.status).toBe(201)
    expect(response.headers.get('Photosync-Photo')).toBe(row?.id)
    expect(response.headers.get('Photosync-Duplicate')).toBe('?1')
  })

  test('another person sees none of it', async () => {
    const stranger = await service.addPerson()
    const [photo] = await service.db.query<{ id: string }>('select id from photos limit 1')
    const [upload] = await service.db.query<{ id: string }>('select id from uploads limit 1')
    const headers = { Authorization: `Bearer ${stranger.token}`, 'Tus-Resumable': '1.0.0' }
    for (const path of [
      `/v1/photos/${photo?.id}`,
      `/v1/photos/${photo?.id}/original`,
      `/v1/photos/${photo?.id}/renditions/256.webp`,
    ]) {
      expect((await get(path, headers)).status).toBe(404)
    }
    expect((await fetch(`${service.server}/v1/uploads/${upload?.id}`, { method: 'HEAD', headers })).status).toBe(404)
    expect(await (await get('/v1/timeline', headers)).json()).toMatchObject({ total: 0 })
  })
}

function meanDifference(a: Buffer, b: Buffer): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number))
  return sum / a.length
}
