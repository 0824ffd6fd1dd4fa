/** A library with one photo of every kind, as the workers leave them, behind the real API and the built gallery. */
import { join } from 'node:path'
import sharp from 'sharp'
import { renditionKey } from '../../src/core/keys.js'
import { packageFolder } from '../../src/core/package-folder.js'
import { recipe } from '../../src/core/renditions.js'
import { siteRoutes } from '../../src/gallery/site/routes.js'
import { bytes } from '../../src/storage/bucket.js'
import { addPhoto, startRegion, type TestPerson, type TestPhoto, type TestRegion } from '../http/region.js'
import { openGallery } from './gallery-page.js'

export const kinds = [
  'plain',
  'film',
  'bare film',
  'odd film',
  'motion',
  'live',
  'half',
  'animation',
  'quarantined',
  'unreadable',
  'waiting',
] as const

export type Kind = (typeof kinds)[number]

export interface KindsScene {
  here: TestRegion
  ana: TestPerson
  signInUrl: string
  ids: Readonly<Record<Kind, string>>
}

interface Row {
  photo?: TestPhoto
  columns?: Record<string, unknown>
  renditions?: Record<string, Buffer>
}

export async function startKinds(chromium: string): Promise<KindsScene> {
  const here = await startRegion({ routes: () => [siteRoutes({ folder: join(packageFolder, 'dist/gallery') })] })
  const ana = await here.addPerson()
  const link = await here.accounts.createSignInLink(ana.person)
  const rows = await rowsOfAllKinds(chromium)
  const ids: Partial<Record<Kind, string>> = {}
  // A day each, the newest first.
  for (const [at, kind] of kinds.entries()) {
    ids[kind] = await add(here, ana, 20 - at, rows[kind])
  }
  await here.db.query(`update photos set part_of = $2, role = 'motion' where id = $1`, [ids.half, ids.live])
  return { here, ana, signInUrl: `${here.url}/sign-in#link=${link}`, ids: ids as Record<Kind, string> }
}

async function add(here: TestRegion, person: TestPerson, day: number, row: Row): Promise<string> {
  const { photo, columns, renditions = {} } = row
  const shownAt = `2025-06-${day}T12:00:00`
  const { id } = await addPhoto(here, person, { ...photo, shownAt, renditions: Object.keys(renditions) })
  for (const [name, content] of Object.entries(renditions)) {
    await here.bucket.put(renditionKey(person, id, recipe, name), bytes(content))
  }
  const all = Object.entries({ width: 640, height: 480, ...columns })
  const assignments = all.map(([column], at) => `${column} = $${at + 2}`).join(', ')
  await here.db.query(`update photos set ${assignments} where id = $1`, [id, ...all.map(([, value]) => value)])
  return id
}

async function rowsOfAllKinds(chromium: string): Promise<Record<Kind, Row>> {
  const [video, renditions, animation] = [await recordVideo(chromium), await drawStills(), await drawAnimation()]
  const webm = (fileName: string) => ({ fileName, mediaType: 'video/webm', content: followedBy(video, fileName) })
  const still = Buffer.from('the still')
  const inside = { offset: still.length, sizeBytes: video.length, mediaType: 'video/webm', atMs: null }
  const kind = 'picture'
  const written = { description: 'At the sea,\nin June', rating: 4, latitude: 1, longitude: 2 }
  const noPicture = 'No preview picture could be made of this video'
  return {
    plain: { columns: { kind, ...written }, renditions },
    film: { photo: webm('film.webm'), columns: { kind: 'video', duration_ms: 65_000 }, renditions },
    'bare film': {
      photo: webm('bare film.webm'),
      columns: { kind: 'video', duration_ms: 12_000, reason: noPicture },
    },
    'odd film': {
      photo: { fileName: 'odd.mkv', mediaType: 'video/x-matroska', content: 'no video at all' },
      columns: { kind: 'video' },
    },
    motion: {
      photo: { content: Buffer.concat([still, video]) },
      columns: { kind, motion: JSON.stringify(inside) },
      renditions,
    },
    live: { columns: { kind, live: 'L' }, renditions },
    half: { photo: webm('live.webm'), columns: { kind: 'video', live: 'L' } },
    animation: {
      photo: { fileName: 'dance.gif', mediaType: 'image/gif' },
      columns: { kind },
      renditions: { ...renditions, 'animated.webp': animation },
    },
    quarantined: { photo: { state: 'quarantined', fileName: 'odd.jpg', content: 'kept as it came' } },
    unreadable: { photo: { state: 'unreadable', fileName: 'cut.jpg' } },
    waiting: { photo: { state: 'stored' }, columns: { width: null, height: null } },
  }
}

/** The same video as another content: no two photos of a person have one. */
const followedBy = (video: Buffer, text: string): Buffer => Buffer.concat([video, Buffer.from(text)])

/** A second of WebM, as the browser itself makes it. */
async function recordVideo(chromium: string): Promise<Buffer> {
  const { page, close } = await openGallery(chromium)
  try {
    const base64 = await page.evaluate(async () => {
      const canvas = document.createElement('canvas')
      Object.assign(canvas, { width: 64, height: 48 })
      const context = canvas.getContext('2d') as CanvasRenderingContext2D
      const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm;codecs=vp8' })
      const chunks: Blob[] = []
      recorder.ondataavailable = ({ data }) => chunks.push(data)
      const stopped = new Promise(resolve => {
        recorder.onstop = resolve
      })
      recorder.start()
      for (let frame = 0; frame < 20; frame++) {
        context.fillStyle = `hsl(${frame * 18} 80% 50%)`
        context.fillRect(0, 0, 64, 48)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      recorder.stop()
      await stopped
      const all = new Uint8Array(await new Blob(chunks).arrayBuffer())
      return btoa(Array.from(all, byte => String.fromCharCode(byte)).join(''))
    })
    return Buffer.from(base64, 'base64')
  } finally {
    await close()
  }
}

async function drawStills(): Promise<Record<'1440.jpg' | '256.webp', Buffer>> {
  const sky = sharp({ create: { width: 640, height: 480, channels: 3, background: '#7aa6c2' } })
  return { '1440.jpg': await sky.clone().jpeg().toBuffer(), '256.webp': await sky.resize(256).webp().toBuffer() }
}

async function drawAnimation(): Promise<Buffer> {
  const frames = ['#b33', '#3b3', '#33b'].map(background =>
    sharp({ create: { width: 64, height: 48, channels: 3, background } })
      .png()
      .toBuffer(),
  )
  return sharp(await Promise.all(frames), { join: { animated: true } })
    .webp({ loop: 0, delay: [100, 100, 100] })
    .toBuffer()
}
