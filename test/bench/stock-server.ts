/**
 * The other side of the upload bench: tus-node-server with its S3 store as their README sets them up. Two things are not their
 * defaults. The SDK's trailing CRC32 is off, since not every S3 service takes it; that spares this side CPU. And its bucket
 * is addressed by path.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'
import { environmentOf } from '../../src/config.js'
import { fromEnvironment } from './upload/s3-environment.js'

const { endpoint, region, bucket, accessKeyId, secretAccessKey } = fromEnvironment(environmentOf())
const tus = new Server({
  path: '/files',
  datastore: new S3Store({
    s3ClientConfig: {
      bucket,
      endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    },
  }),
})

const server = createServer((incoming, answer) => {
  tus.handle(incoming, answer).catch(() => answer.destroy())
})
// Longer than a side waits for its turn: a new connection is not what is measured.
server.keepAliveTimeout = 75_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
