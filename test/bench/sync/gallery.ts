/** Galleries of files that nobody has seen before: a JPEG's first bytes, then random ones, in sizes that are spread evenly. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Gallery {
  dir: string
  files: number
  bytes: number
  /** Of each file. */
  sha256: readonly Buffer[]
  remove(): Promise<void>
}

const jpegStart = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')

/** `groups` of so many files each with sizes from one bound to the other, the same in every gallery. */
export async function makeGallery(
  dir: string,
  groups: readonly { files: number; sizes: readonly [number, number] }[],
): Promise<Gallery> {
  await mkdir(dir, { recursive: true })
  const sha256: Buffer[] = []
  let bytes = 0
  for (const [group, { files, sizes }] of groups.entries()) {
    const [least, most] = sizes
    for (let index = 0; index < files; index++) {
      // Steps of the golden ratio: any stretch of them is spread like the whole.
      const place = (index * 0.618_033_988_75) % 1
      const content = Buffer.concat([
        jpegStart,
        randomBytes(Math.round(least + place * (most - least)) - jpegStart.length),
      ])
      await writeFile(join(dir, `IMG_${group}_${String(index).padStart(6, '0')}.jpg`), content)
      sha256.push(createHash('sha256').update(content).digest())
      bytes += content.length
    }
  }
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  return { dir, files: sha256.length, bytes, sha256, remove }
}
