/**
 * The photos of the thumbnails bench: drawn like a camera's, 12 megapixels, half of them in Display P3 as phones write them. Both
 * sides work on the same files.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { drawGallery } from '../../../fixtures/draw-gallery.js'

export type PhotoSet = 'plain' | 'mixed'

/** Files of each set in a folder of its name: `plain` without a profile, `mixed` with one in every other. */
export async function drawPhotos(
  folder: string,
  count: number,
  signal: AbortSignal,
): Promise<Record<PhotoSet, string>> {
  const gallery = join(folder, 'gallery')
  // Of its files only some are such photos.
  const drawn = await drawGallery(gallery, { photos: Math.max(44, count), signal })
  const sources = drawn.filter(file => file.mediaType === 'image/jpeg' && !file.corrupt && file.copyOf === undefined)
  const dirs = { plain: join(folder, 'plain'), mixed: join(folder, 'mixed') }
  for (const dir of Object.values(dirs)) await mkdir(dir)
  for (const [index, { path }] of sources.slice(0, count).entries()) {
    signal.throwIfAborted()
    const bytes = await readFile(join(gallery, path))
    const name = `${String(index).padStart(3, '0')}.jpg`
    await writeFile(join(dirs.plain, name), bytes)
    await writeFile(join(dirs.mixed, name), index % 2 === 0 ? await inDisplayP3(bytes) : bytes)
  }
  return dirs
}

/** The same pixels with the numbers of the wider space, and its profile. */
function inDisplayP3(jpeg: Buffer): Promise<Buffer> {
  return sharp(jpeg).keepExif().withIccProfile('p3').jpeg({ quality: 92 }).toBuffer()
}

export async function readPhotos(dir: string): Promise<Buffer[]> {
  const names = (await readdir(dir)).sort()
  return Promise.all(names.map(name => readFile(join(dir, name))))
}
