/** The SDK's client as this project wants it: one try per call, bounded waits, warm connections. Opens sockets. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import { connectionTimeoutMs, silenceMs } from './http-exchange.js'

export interface S3Options {
  /** Of an S3 service that isn't AWS, e.g. `http://127.0.0.1:9000`. */
  endpoint?: string | undefined
  region: string
  bucket: string
  /** Without a pair of keys the SDK finds credentials by itself: environment, profile, instance. */
  accessKeyId?: string | undefined
  secretAccessKey?: string | undefined
  /** The bucket in the path rather than in the host's name; by default with an endpoint of one's own. */
  forcePathStyle?: boolean | undefined
}

/** Downloads that wait for slow readers keep theirs, so it's far above what the processor needs. */
const socketsMax = 256

/** Connections that stay open between calls, whoever makes these. */
export interface Agents {
  'http:': HttpAgent
  'https:': HttpsAgent
}

export function s3Agents(): Agents {
  // The silence is that of unused connections, too: one that lies long enough is closed by the other side without a word.
  const options = { keepAlive: true, maxSockets: socketsMax, timeout: silenceMs }
  return { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) }
}

export function s3Client(options: S3Options, agents: Agents): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle = endpoint !== undefined } = options
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
    forcePathStyle,
    // Retrying is the retrying bucket's: it opens a body anew, which the SDK can't.
    maxAttempts: 1,
    // Hashes are computed here, once; services other than AWS refuse the SDK's trailing checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the SDK opens a new connection for every body over 2 MiB.
    expectContinueHeader: false,
    logger: silent,
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      // CompleteMultipartUpload may think for long, but sends white space meanwhile.
      socketTimeout: silenceMs,
      httpAgent: agents['http:'],
      httpsAgent: agents['https:'],
    },
  })
}

/** The SDK warns on the console of errors that it throws as well; those are enough. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
