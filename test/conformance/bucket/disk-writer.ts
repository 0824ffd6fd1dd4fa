/**
 * A program that a test kills: puts objects into the disk bucket named by its first argument, without end, and prints each key once the
 * bucket has acknowledged it. Some keys are written again and again, some come in parts, some are deleted.
 */
import { bytes } from '../../../src/storage/bucket.js'
import { diskBucket } from '../../../src/storage/disk-bucket.js'
import { contentOf } from './disk-content.js'

const lanes = 4
const [dir, run] = process.argv.slice(2)
if (dir === undefined || run === undefined)
  throw new Error('Name the folder of the bucket and a prefix of its own for this run')
const bucket = diskBucket({ dir })

async function lane(number: number): Promise<never> {
  for (let round = 0; ; round++) {
    const key = `${run}/once/${number}/${round % 10}/${round}`
    await bucket.put(key, bytes(contentOf(key)), { ifAbsent: true })
    const multipartKey = `${run}/parts/${number}/${round}`
    const multipart = await bucket.createMultipart(multipartKey)
    const part = await bucket.uploadPart(multipartKey, multipart, 1, bytes(contentOf(multipartKey)))
    await bucket.completeMultipart(multipartKey, multipart, [part])
    await bucket.put(`again/${number}`, bytes(contentOf(`${round}`)))
    process.stdout.write(`${key}\n${multipartKey}\n`)
    if (round > 0) await bucket.delete([`gone/${number}/${round - 1}`])
    await bucket.put(`gone/${number}/${round}`, bytes(contentOf('gone')))
  }
}

await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
