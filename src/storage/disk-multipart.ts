/**
 * Multiparts of the disk bucket. Each is a folder of the private area with `about.json` and one file per part; the folder
 * appears and goes by rename, so that it's always whole. A part's etag is the SHA-256 of its bytes, checked again when the
 * object is made of it.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../core/clock.js'
import { isId, type NewId } from '../core/ids.js'
import { checkedChunks } from './body.js'
import type { Bucket, Part } from './bucket.js'
import { checkKey, checkPartNumber, checkPrefix, noMultipart, partsInOrder, wrongPart } from './checks.js'
import { isAbsent } from './disk-errors.js'
import type { DiskFiles } from './disk-files.js'

const aboutSchema = z.object({ key: z.string(), startedAt: z.coerce.date() })
type About = z.infer<typeof aboutSchema>

const readSizeBytes = 1024 * 1024

type MultipartCalls = Pick<
  Bucket,
  'createMultipart' | 'uploadPart' | 'mayLeaveOutParts' | 'completeMultipart' | 'abortMultipart' | 'listMultiparts'
>

/** The files must be prepared before each call. */
export function diskMultiparts(files: DiskFiles, newId: NewId, clock: Clock): MultipartCalls {
  const folderOf = (id: string) => join(files.multiparts, id)
  const partPath = (id: string, number: number) => join(folderOf(id), String(number).padStart(5, '0'))
  const aboutOf = (id: string) => readAbout(folderOf(id), id)

  async function mustExist(key: string, id: string): Promise<void> {
    if ((await aboutOf(id))?.key !== key) throw noMultipart()
  }

  async function remove(id: string): Promise<void> {
    const temp = files.tempPath()
    try {
      await rename(folderOf(id), temp)
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    await files.syncFolder(files.multiparts)
    await rm(temp, { recursive: true, force: true })
  }

  return {
    async createMultipart(key) {
      checkKey(key)
      const id = newId()
      const temp = files.tempPath()
      await mkdir(temp, { mode: 0o700 })
      await writeFile(join(temp, 'about.json'), JSON.stringify({ key, startedAt: clock.now() }), {
        flush: true,
        mode: 0o600,
      })
      await files.syncFolder(temp)
      await rename(temp, folderOf(id))
      await files.syncFolder(files.multiparts)
      return id
    },

    async uploadPart(key, id, number, body, { signal } = {}) {
      checkPartNumber(number)
      await mustExist(key, id)
      let etag = ''
      const onSha256 = (hex: string) => {
        etag = hex
      }
      const temp = await files.writeTemp(checkedChunks(body, { signal, onSha256 }))
      try {
        await rename(temp, partPath(id, number))
      } catch (error) {
        await rm(temp, { force: true })
        throw isAbsent(error) ? noMultipart(error) : error
      }
      await files.syncFolder(folderOf(id))
      return { number, etag, sizeBytes: body.sizeBytes }
    },

    mayLeaveOutParts: () => true,

    async completeMultipart(key, id, parts, { signal } = {}) {
      const ordered = partsInOrder(parts)
      await mustExist(key, id)
      const temp = await files.writeTemp(joined(ordered, number => partPath(id, number), signal))
      await files.publish(temp, join(files.objects, key), false)
      await remove(id)
    },

    async abortMultipart(key, id) {
      if ((await aboutOf(id))?.key === key) await remove(id)
    },

    async *listMultiparts(prefix, { signal } = {}) {
      checkPrefix(prefix)
      for (const id of (await readdir(files.multiparts)).sort()) {
        signal?.throwIfAborted()
        const about = await aboutOf(id)
        if (about?.key.startsWith(prefix)) yield { key: about.key, multipart: id, startedAt: about.startedAt }
      }
    },
  }
}

/** undefined when there is no such multipart. */
async function readAbout(folder: string, id: string): Promise<About | undefined> {
  // Whatever else a caller names must not become a path.
  if (!isId(id)) return undefined
  try {
    return aboutSchema.parse(JSON.parse(await readFile(join(folder, 'about.json'), 'utf8')))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** The parts' bytes one after another; throws at the end of a part that isn't the one named. */
async function* joined(
  parts: readonly Part[],
  pathOf: (number: number) => string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (const part of parts) {
    const hash = createHash('sha256')
    let sizeBytes = 0
    try {
      for await (const chunk of createReadStream(pathOf(part.number), { highWaterMark: readSizeBytes })) {
        signal?.throwIfAborted()
        hash.update(chunk)
        sizeBytes += chunk.byteLength
        yield chunk
      }
    } catch (error) {
      throw isAbsent(error) ? wrongPart(part.number, error) : error
    }
    if (hash.digest('hex') !== part.etag || sizeBytes !== part.sizeBytes) throw wrongPart(part.number)
  }
}
