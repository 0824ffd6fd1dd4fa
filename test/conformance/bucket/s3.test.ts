/** Goal: the bucket on S3 keeps the contract on a real service, and says clearly what is wrong when it can't be used. */
import { createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { newId } from '../../../src/core/ids.js'
import { bytes } from '../../../src/storage/bucket.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { s3Bucket } from '../../../src/storage/s3-bucket.js'
import { describeWith, freePort, useS3 } from '../../support/services.js'
import { bucketSuite } from './bucket-suite.js'
import { expectKind, MiB, patterned, readAll, readBody } from './suite-support.js'

describeWith('s3', 'a real S3 service', () => {
  bucketSuite('s3', () => s3Bucket(useS3()[0]))

  test('refuses wrong credentials with a sentence that says what to check', async () => {
    const options = { ...useS3()[0], secretAccessKey: 'wrong' }
    const bucket = s3Bucket(options)
    await expectKind(bucket.put('a', bytes(patterned(10))), 'forbidden')
    await expectKind(bucket.head('a'), 'forbidden')
    await expectKind(bucket.delete(['a', 'b']), 'forbidden')
    await expect(bucket.check()).rejects.toThrow(
      `${options.endpoint} refuses the credentials for the bucket ${options.bucket}; check access key`,
    )
    await bucket.close()
  })

  test('says that the bucket does not exist, and never that an object does not', async () => {
    const options = { ...useS3()[0], bucket: `none-${newId()}` }
    const bucket = s3Bucket(options)
    await expectKind(bucket.get('a'), 'unavailable')
    await expectKind(bucket.put('a', bytes(patterned(10))), 'unavailable')
    await expect(bucket.check()).rejects.toThrow(`The bucket ${options.bucket} does not exist at ${options.endpoint}`)
    await bucket.close()
  })

  test('serves many calls at once over warm connections', async () => {
    const bucket = openBucket({ kind: 's3', ...useS3()[0] })
    const keys = Array.from({ length: 60 }, (_, index) => `many-${newId()}/${index}`)
    await Promise.all(keys.map((key, index) => bucket.put(key, bytes(patterned(3_000, index + 1)))))
    const read = await Promise.all(keys.map(key => readAll(bucket, key)))
    expect(read.every((content, index) => content.equals(patterned(3_000, index + 1)))).toBe(true)
    await bucket.delete(keys)
    await bucket.close()
  })
})

describe('an S3 service that fails', () => {
  test('is told from one that refuses when nothing answers', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`
    const bucket = s3Bucket({ ...keys, endpoint })
    await expectKind(bucket.get('a'), 'unavailable')
    await expect(bucket.check()).rejects.toThrow(
      `No S3 service answers at ${endpoint}; start it, or correct the endpoint`,
    )
    await bucket.close()
  })

  test('is unavailable when it hangs up instead of answering', async () => {
    await withServer(
      socket => socket.once('data', () => socket.destroy()),
      async endpoint => {
        const bucket = s3Bucket({ ...keys, endpoint })
        await expectKind(bucket.put('a', bytes(patterned(10))), 'unavailable')
        await expectKind(bucket.put('a', bytes(patterned(9 * MiB))), 'unavailable')
        await bucket.close()
      },
    )
  })

  test('breaks a body as unavailable, never as a shorter one', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: image/jpeg\r\n\r\n'
    await withServer(
      socket =>
        socket.once('data', () => socket.write(`${head}only this`, () => setTimeout(() => socket.destroy(), 20))),
      async endpoint => {
        const bucket = s3Bucket({ ...keys, endpoint })
        const got = await bucket.get('a')
        expect(got.sizeBytes).toBe(1000)
        await expectKind(readBody(got), 'unavailable')
        await bucket.close()
      },
    )
  })

  test('breaks a body as unavailable that is nonsense from its first byte on', async () => {
    const head = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nTransfer-Encoding: chunked\r\n\r\n'
    await withServer(
      socket => socket.once('data', () => socket.write(`${head}no chunk`)),
      async endpoint => {
        const bucket = s3Bucket({ ...keys, endpoint })
        const reading = bucket.get('a', { range: { start: 0 } }).then(readBody)
        await expectKind(reading, 'unavailable')
        await bucket.close()
      },
    )
  })

  test('is left at once by a signal when it never answers', async () => {
    await withServer(
      () => undefined,
      async endpoint => {
        const bucket = s3Bucket({ ...keys, endpoint })
        const signal = AbortSignal.timeout(100)
        const calls = [
          bucket.head('a', { signal }),
          bucket.get('a', { signal }),
          bucket.put('a', bytes(patterned(10)), { signal }),
        ]
        await Promise.all(calls.map(call => expect(call).rejects.toMatchObject({ name: 'TimeoutError' })))
        await bucket.close()
      },
    )
  })
})

const keys = { region: 'ap-southeast-1', bucket: 'photos', accessKeyId: 'key', secretAccessKey: 'secret' }

/** A server that answers connections as it's told, for as long as the test uses it. */
async function withServer(answer: (socket: Socket) => void, use: (endpoint: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => socket.destroy()))
    answer(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  try {
    await use(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
}
