/**
 * A handset as tus-js-client alone makes one: every file of a folder, so many at a time, each by a POST and a PATCH, with the delays
 * of Uppy's Tus plugin and Node's own connections. A program: DIR, the endpoint, how many at a time; the token is in PHOTOSYNC_TOKEN.
 * Writes one line of JSON. Exits with 1 when one of them was not stored.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Upload } from 'tus-js-client'

/** Of @uppy/tus. */
const retryDelays = [100, 1_000, 3_000, 5_000]

const [dir = '', endpoint = '', limit = '1'] = process.argv.slice(2)
const authorization = { Authorization: `Bearer ${process.env.PHOTOSYNC_TOKEN ?? ''}` }

async function send(path: string): Promise<number> {
  const { size } = await stat(path)
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(createReadStream(path), {
      endpoint,
      headers: authorization,
      metadata: { filename: basename(path), filetype: 'image/jpeg' },
      uploadSize: size,
      retryDelays,
      storeFingerprintForResuming: false,
      onSuccess: () => resolve(),
      onError: reject,
    })
    upload.start()
  })
  return size
}

const waiting = (await readdir(dir)).sort()
const startMs = performance.now()
let [files, bytes] = [0, 0]
const line = async () => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const size = await send(join(dir, name))
    bytes += size
    files++
  }
}
try {
  await Promise.all(Array.from({ length: Number(limit) }, line))
} catch (error) {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
}
process.stdout.write(`${JSON.stringify({ files, bytes, seconds: (performance.now() - startMs) / 1_000 })}\n`)
