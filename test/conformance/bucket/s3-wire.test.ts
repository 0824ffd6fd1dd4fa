/**
 * Goal: what goes to an S3 service is what it asks for, wherever the bucket is and whatever credentials there are, and what it
 * answers is understood. The services here say what a real one says only on a bad day; on good days s3.test.ts asks a real one.
 */
import { Agent, createServer } from 'node:http'
import { createServer as createSecureServer, Agent as SecureAgent } from 'node:https'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Bucket, bytes } from '../../../src/storage/bucket.js'
import { drained } from '../../../src/storage/http-exchange.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { s3Bucket } from '../../../src/storage/s3-bucket.js'
import { request } from '../../../src/storage/s3-call.js'
import { s3Requests } from '../../../src/storage/s3-requests.js'
import { atEndOfTest, endOfTest, type Heard, hearing, listening, serving, signatureOf } from './answering-s3.js'
import { expectKind, patterned, readAll, sha256Of, trickled } from './suite-support.js'

const place = { region: 'ap-southeast-1', bucket: 'photos' }
const keys = { accessKeyId: 'key', secretAccessKey: 'secret' }

afterEach(async () => {
  vi.unstubAllEnvs()
  await endOfTest()
})

describe('a put', () => {
  test('is one request with the bytes, what they are, and their hash in the signature', async () => {
    const { endpoint, heard } = await serving()
    const content = patterned(100_000)
    const body = bytes(content.subarray(0, 10), content.subarray(10))
    const sha256 = sha256Of(content)
    await bucketAt(endpoint).put('u/a b+é!(1)', body, { sha256, mediaType: 'image/jpeg', ifAbsent: true })
    expect(heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      method: 'PUT',
      url: '/photos/u/a%20b%2B%C3%A9%21%281%29',
      headers: {
        host: new URL(endpoint).host,
        'content-length': '100000',
        'content-type': 'image/jpeg',
        'if-none-match': '*',
        'x-amz-content-sha256': sha256,
        'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
      },
    })
    expect(heard[0]?.body.equals(content)).toBe(true)
    expect(signatureOf(heard[0])).toEqual({
      credential: expect.stringMatching(/^key\/\d{8}\/ap-southeast-1\/s3\/aws4_request$/),
      names: ['content-type', 'host', 'if-none-match', 'x-amz-checksum-sha256', 'x-amz-content-sha256', 'x-amz-date'],
    })
  })

  test.each([
    ['in memory', 10_000, bytes(patterned(10_000)), sha256Of(patterned(10_000))],
    ['small', 10_000, trickled(patterned(10_000)), sha256Of(patterned(10_000))],
    ['large', 17 * 2 ** 20, trickled(patterned(17 * 2 ** 20)), 'UNSIGNED-PAYLOAD'],
  ])('of bytes %s of no known hash is signed as far as it can be', async (_, sizeBytes, body, payload) => {
    const { endpoint, heard } = await serving()
    await bucketAt(endpoint).put('a', body)
    expect(heard[0]?.headers).toMatchObject({
      'x-amz-content-sha256': payload,
      'content-length': String(sizeBytes),
      'content-type': 'application/octet-stream',
    })
    expect(heard[0]?.body.equals(patterned(sizeBytes))).toBe(true)
  })

  test('keeps the connection for the next call', async () => {
    const { endpoint, heard } = await serving()
    const bucket = bucketAt(endpoint)
    for (let round = 0; round < 3; round++) await bucket.put('a', bytes(patterned(1_000)))
    await bucket.delete(['a'])
    expect(new Set(heard.map(({ connection }) => connection))).toEqual(new Set([1]))
  })

  test('that meets a connection which the service has just closed is unavailable, and made again with all its bytes', async () => {
    const { endpoint, heard } = await serving((_, answer, nth) => {
      if (nth === 2 || nth === 4) answer.socket?.destroy()
      else answer.end()
    })
    const bucket = bucketAt(endpoint)
    await bucket.put('a', bytes(patterned(1_000)))
    await expectKind(bucket.put('a', bytes(patterned(1_000))), 'unavailable')
    const retrying = openBucket({ kind: 's3', ...place, ...keys, endpoint })
    atEndOfTest(() => retrying.close())
    await retrying.put('a', bytes(patterned(1_000)))
    await retrying.put('b', trickled(patterned(2_000)))
    expect(heard.map(({ url, body }) => [url, body.byteLength]).slice(-2)).toEqual([
      ['/photos/b', 2_000],
      ['/photos/b', 2_000],
    ])
  })
})

describe('credentials', () => {
  test('of a session take their token along', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'temporary')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'the token')
    const { endpoint, heard } = await serving()
    const bucket = s3Bucket({ ...place, endpoint })
    atEndOfTest(() => bucket.close())
    await bucket.put('a', bytes(patterned(10)))
    expect(heard[0]?.headers['x-amz-security-token']).toBe('the token')
    expect(signatureOf(heard[0])).toMatchObject({ credential: expect.stringMatching(/^temporary\//) })
    expect(signatureOf(heard[0])?.names).toContain('x-amz-security-token')
  })

  test('that rotate are asked for again when their time ends', async () => {
    const { endpoint, heard } = await serving()
    let accessKeyId = 'first'
    const credentials = async () => ({
      accessKeyId,
      secretAccessKey: 'secret',
      expiration: new Date(Date.now() + 1_000),
    })
    const client = new S3Client({ region: place.region, endpoint, credentials, forcePathStyle: true })
    const send = s3Requests(client, place.bucket, agentsOf(new Agent({ keepAlive: true })))
    await drained(await send({ method: 'GET', key: 'a' }))
    accessKeyId = 'second'
    await drained(await send({ method: 'GET', key: 'a' }))
    expect(heard.map(one => signatureOf(one)?.credential.split('/')[0])).toEqual(['first', 'second'])
  })

  test('that cannot be had are not waited for when the call is cancelled', async () => {
    const credentials = () => new Promise<never>(() => undefined)
    const client = new S3Client({ region: place.region, endpoint: 'http://127.0.0.1:9', credentials })
    const send = s3Requests(client, place.bucket, agentsOf(new Agent()))
    const signal = AbortSignal.timeout(20)
    const waiting = request(signal, () => send({ method: 'GET', key: 'a', signal }))
    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

describe('a bucket’s address', () => {
  test('may have its name in the host’s, over TLS', async () => {
    // Keys known to both sides stand in for certificates.
    const psk = Buffer.alloc(16, 7)
    const cipher = { ciphers: 'PSK-AES128-GCM-SHA256', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    const heard: Heard[] = []
    const server = createSecureServer({ ...cipher, pskCallback: () => psk }, hearing(heard))
    const { port } = await listening(server)
    const agent = new SecureAgent({
      ...cipher,
      keepAlive: true,
      pskCallback: () => ({ psk, identity: 'photosync' }),
      checkServerIdentity: () => undefined,
      lookup: (_name, options, done) =>
        options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    })
    atEndOfTest(() => agent.destroy())
    const client = new S3Client({ region: place.region, endpoint: `https://s3.example:${port}`, credentials: keys })
    const send = s3Requests(client, place.bucket, agentsOf(agent))
    const body = [patterned(3_000_000, 1), patterned(10, 2)]
    for (let call = 0; call < 2; call++) {
      await drained(await send({ method: 'PUT', key: 'a/b', body, sizeBytes: 3_000_010 }))
    }
    expect(heard).toHaveLength(2)
    expect(heard[1]).toMatchObject({ url: '/a/b', headers: { host: `photos.s3.example:${port}` }, connection: 1 })
    expect(heard[1]?.body.equals(Buffer.concat(body))).toBe(true)
  })

  const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
  test.skipIf(!hasIpv6)(
    `may begin with a path, and be one of IPv6${hasIpv6 ? '' : ' (skipped: this machine has none)'}`,
    async () => {
      const heard: Heard[] = []
      const { port } = await listening(createServer(hearing(heard)), '::1')
      await bucketAt(`http://[::1]:${port}/storage/`).put('a', bytes(patterned(10)))
      expect(heard[0]).toMatchObject({ url: '/storage/photos/a', headers: { host: `[::1]:${port}` } })
    },
  )
})

describe('an answer', () => {
  const content = bytes(patterned(1_000))
  const right = { sha256: sha256Of(patterned(1_000)) }
  const wrong = { sha256: sha256Of(patterned(1_000, 2)) }
  const put = (bucket: Bucket) => bucket.put('a', content)
  const cases: [number, string, string, (bucket: Bucket) => Promise<unknown>][] = [
    [403, 'InvalidAccessKeyId', 'forbidden', put],
    [403, 'SignatureDoesNotMatch', 'forbidden', put],
    [403, '', 'forbidden', put],
    [400, 'ExpiredToken', 'forbidden', put],
    [404, 'NoSuchUpload', 'not_found', bucket => bucket.uploadPart('a', 'gone', 1, content)],
    [404, 'NoSuchKey', 'not_found', bucket => bucket.get('a')],
    [404, 'NoSuchBucket', 'unavailable', bucket => bucket.get('a')],
    [404, '', 'unavailable', bucket => bucket.get('a')],
    [412, 'PreconditionFailed', 'conflict', bucket => bucket.put('a', content, { ifAbsent: true })],
    [412, '', 'conflict', bucket => bucket.put('a', content, { ifAbsent: true })],
    [416, 'InvalidRange', 'invalid', bucket => bucket.get('a', { range: { start: 5 } })],
    [400, 'EntityTooLarge', 'invalid', put],
    [400, 'IncompleteBody', 'unavailable', put],
    [400, 'constructor', 'unavailable', put],
    [301, 'PermanentRedirect', 'unavailable', put],
    [500, 'InternalError', 'unavailable', put],
    [503, 'SlowDown', 'unavailable', put],
    // Whose fault other bytes are shows by the bytes that are here.
    [400, 'XAmzContentSHA256Mismatch', 'invalid', bucket => bucket.put('a', content, wrong)],
    [400, 'XAmzContentSHA256Mismatch', 'unavailable', bucket => bucket.put('a', content, right)],
    [400, 'BadDigest', 'invalid', bucket => bucket.put('a', content, wrong)],
    [400, 'BadDigest', 'unavailable', bucket => bucket.put('a', content)],
    [400, 'BadDigest', 'unavailable', bucket => bucket.uploadPart('a', 'x', 1, content)],
  ]

  test.each(cases)('of %i %s is %s', async (status, code, kind, call) => {
    const { endpoint } = await serving((_, answer) => {
      const text = code ? `<?xml version="1.0"?><Error><Code>${code}</Code><Message>Words</Message></Error>` : ''
      answer.writeHead(status, { 'x-amz-request-id': 'tx1' }).end(text)
    })
    const called = call(bucketAt(endpoint))
    await expect(called).rejects.toMatchObject({ name: 'AppError', kind, cause: { status, requestId: 'tx1' } })
    if (code) await expect(called).rejects.toMatchObject({ cause: { name: code, message: 'Words' } })
  })

  test('that is endless in refusing is not read to its end', async () => {
    const { endpoint } = await serving((_, answer) => {
      answer.writeHead(500)
      const more = () => {
        while (!answer.destroyed && answer.write('x'.repeat(10_000)));
      }
      answer.on('drain', more)
      more()
    })
    await expectKind(bucketAt(endpoint).put('a', content), 'unavailable')
  })

  test('that says this machine’s clock is wrong sets it for the calls that follow', async () => {
    const yesterdayMs = Date.now() - 24 * 3600_000
    const { endpoint, heard } = await serving((_, answer, nth) => {
      if (nth > 1) return answer.end()
      const text = '<Error><Code>RequestTimeTooSkewed</Code></Error>'
      return answer.writeHead(403, { date: new Date(yesterdayMs).toUTCString() }).end(text)
    })
    const bucket = bucketAt(endpoint)
    const refused = bucket.put('a', content)
    await expectKind(refused, 'unavailable')
    await expect(refused).rejects.toThrow("this machine's clock is wrong")
    await bucket.put('a', content)
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(heard[1]?.headers['x-amz-date'])) ?? []
    const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    expect(Math.abs(signedMs - yesterdayMs)).toBeLessThan(120_000)
  })

  test('with a body that comes slowly is whole', async () => {
    const whole = patterned(200_000)
    const { endpoint } = await serving(async (_, answer) => {
      answer.writeHead(200, { 'content-length': whole.byteLength })
      for (let at = 0; at < whole.byteLength; at += 50_000) {
        answer.write(whole.subarray(at, at + 50_000))
        await sleep(5)
      }
      answer.end()
    })
    expect((await readAll(bucketAt(endpoint), 'a')).equals(whole)).toBe(true)
  })

  test('of a whole object to who asked for a range is refused', async () => {
    const { endpoint } = await serving((_, answer) => {
      answer.end('all of it')
    })
    await expectKind(bucketAt(endpoint).get('a', { range: { start: 1, end: 2 } }), 'unavailable')
  })
})

function bucketAt(endpoint: string): Bucket {
  const bucket = s3Bucket({ ...place, ...keys, endpoint })
  atEndOfTest(() => bucket.close())
  return bucket
}

function agentsOf(agent: Agent): { 'http:': Agent; 'https:': Agent } {
  atEndOfTest(() => agent.destroy())
  return { 'http:': agent, 'https:': agent }
}
