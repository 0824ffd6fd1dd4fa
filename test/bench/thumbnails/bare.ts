/**
 * The other sides of the thumbnails bench, as a program: sharp alone on bytes that are in memory, without a queue, a bucket or a
 * database. `cascade` does just what the worker's renditions take, with its settings; `naive` what peers do: two decodes with
 * sharp's defaults. Told how often to go through the photos, it answers once it has.
 */
import sharp from 'sharp'
import { renditions } from '../../../src/core/renditions.js'
import { readPhotos } from './photos.js'

const [how = '', dir = '', inFlight = ''] = process.argv.slice(2)
const photos = await readPhotos(dir)
const [large, small] = renditions

const ways: Readonly<Record<string, (photo: Buffer) => Promise<unknown>>> = { cascade, naive }
const way = ways[how]
if (!way) throw new Error(`no such way: ${how}`)
if (how === 'cascade') {
  sharp.concurrency(1)
  sharp.cache(false)
}

async function cascade(photo: Buffer): Promise<void> {
  const { icc } = await sharp(photo).metadata()
  const decoding = sharp(photo, { autoOrient: true, ignoreIcc: true, failOn: 'truncated' }).resize(inside(large.edgePx))
  const decoded = await (icc ? decoding.keepIccProfile() : decoding)
    .tiff({ compression: 'none' })
    .toBuffer({ resolveWithObject: true })
  await sharp(decoded.data).keepIccProfile().jpeg({ quality: large.quality }).toBuffer()
  const shrunk = await sharp(decoded.data)
    .resize(inside(small.edgePx))
    .keepIccProfile()
    .tiff({ compression: 'none' })
    .toBuffer()
  await sharp(shrunk).keepIccProfile().webp({ quality: small.quality, effort: 2 }).toBuffer()
}

async function naive(photo: Buffer): Promise<void> {
  await sharp(photo).rotate().resize(inside(1440)).jpeg().toBuffer()
  await sharp(photo).rotate().resize(inside(250)).webp().toBuffer()
}

function inside(edgePx: number) {
  return { width: edgePx, height: edgePx, fit: 'inside', withoutEnlargement: true } as const
}

process.on('message', async (times: number) => {
  const waiting = Array.from({ length: times }, () => photos).flat()
  const lane = async () => {
    for (let photo = waiting.shift(); photo; photo = waiting.shift()) await way(photo)
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, lane))
  process.send?.('done')
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
