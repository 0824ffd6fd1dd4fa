/** The photos that looks are measured on: those of a folder, or drawn ones. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { AppError } from '../../../src/core/errors.js'
import { packageFolder } from '../../../src/core/package-folder.js'

export interface PhotoFile {
  name: string
  read(): Promise<Buffer>
}

const extensions = /\.(jpe?g|png|webp|avif|tiff?)$/i

/** Every picture below the folder that can be edited here, by name; others are left out. */
export async function photosIn(folder: string): Promise<PhotoFile[]> {
  const entries = await readdir(folder, { recursive: true }).catch(cause => {
    throw new AppError('invalid', `--photos: ${folder} is no folder that can be read`, { cause })
  })
  const photos: PhotoFile[] = []
  for (const name of entries.filter(entry => extensions.test(entry)).sort()) {
    const read = () => readFile(join(folder, name))
    if (await isWhole(await read())) photos.push({ name, read })
  }
  if (photos.length < 2) throw new AppError('invalid', `--photos: ${folder} holds fewer than two pictures`)
  return photos
}

async function isWhole(file: Buffer): Promise<boolean> {
  try {
    await sharp(file, { failOn: 'truncated' }).resize(8, 8).toBuffer()
    return true
  } catch {
    return false
  }
}

/** Camera-like JPEGs, drawn into the folder by a process of its own: this one decodes as workers do, and SVG is blocked there. */
export async function drawPhotos(
  folder: string,
  { photos, megapixels }: { photos: number; megapixels: number },
  signal: AbortSignal,
): Promise<PhotoFile[]> {
  const program = join(packageFolder, 'dist/fixtures/make-gallery.js')
  const wish = ['--photos', `${photos}`, '--megapixels', `${megapixels}`, '--plain']
  await promisify(execFile)(process.execPath, [program, folder, ...wish], { signal })
  return photosIn(folder)
}
