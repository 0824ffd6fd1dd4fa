/** Goal: the environment is read whole, and whatever is missing or wrong in it is named in one sentence, all of it at once. */
import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.js'
import { isAppError } from '../src/core/errors.js'

const complete = {
  PHOTOSYNC_REGION: 'us-west-2',
  DATABASE_URL: 'postgresql://photosync:pass%40word@db/photosync',
  BUCKET_DIR: '/srv/photos',
}
const s3 = { ...complete, BUCKET_DIR: undefined, S3_BUCKET: 'photos' }

test('the least there must be; the rest has defaults', () => {
  expect(readConfig(complete)).toEqual({
    region: { id: 'us-west-2', apiUrl: 'http://127.0.0.1:4000', partition: 'intl' },
    regions: [{ id: 'us-west-2', apiUrl: 'http://127.0.0.1:4000', partition: 'intl' }],
    databaseUrl: complete.DATABASE_URL,
    directoryDatabaseUrl: complete.DATABASE_URL,
    redisUrl: undefined,
    bucket: { kind: 'disk', dir: '/srv/photos' },
    host: '127.0.0.1',
    port: 4000,
    opsPort: 0,
    trustedProxies: [],
    corsOrigins: [],
    tls: undefined,
    workerConcurrency: 2,
    uploadMemoryBytes: 32 * 2 ** 20,
    logLevel: 'info',
  })
})

test('everything there can be', () => {
  const regions = [
    { id: 'ap-southeast-1', apiUrl: 'https://ap.photos.example' },
    { id: 'us-west-2', apiUrl: 'https://us.photos.example', partition: 'intl' },
  ]
  const config = readConfig({
    ...s3,
    PHOTOSYNC_REGIONS: JSON.stringify(regions),
    DIRECTORY_DATABASE_URL: 'postgres://directory/d',
    REDIS_URL: 'rediss://:secret@redis:6380/1',
    S3_ENDPOINT: 'http://127.0.0.1:9000',
    S3_REGION: 'elsewhere-1',
    S3_ACCESS_KEY_ID: 'key',
    S3_SECRET_ACCESS_KEY: 'secret',
    HOST: '0.0.0.0',
    PORT: '80',
    OPS_PORT: '9100',
    WORKER_CONCURRENCY: '64',
    UPLOAD_MEMORY_MB: '512',
    LOG_LEVEL: 'silent',
    TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    CORS_ORIGINS: 'https://app.example, http://localhost:5173,capacitor://localhost',
    TLS_CERT_FILE: '/etc/photosync/cert.pem',
    TLS_KEY_FILE: 'key.pem',
  })
  expect(config).toEqual({
    region: { id: 'us-west-2', apiUrl: 'https://us.photos.example', partition: 'intl' },
    regions: [
      { id: 'ap-southeast-1', apiUrl: 'https://ap.photos.example', partition: 'intl' },
      { id: 'us-west-2', apiUrl: 'https://us.photos.example', partition: 'intl' },
    ],
    databaseUrl: complete.DATABASE_URL,
    directoryDatabaseUrl: 'postgres://directory/d',
    redisUrl: 'rediss://:secret@redis:6380/1',
    bucket: {
      kind: 's3',
      bucket: 'photos',
      region: 'elsewhere-1',
      endpoint: 'http://127.0.0.1:9000',
      accessKeyId: 'key',
      secretAccessKey: 'secret',
    },
    host: '0.0.0.0',
    port: 80,
    opsPort: 9100,
    trustedProxies: ['10.0.0.0/8', '::1'],
    corsOrigins: ['https://app.example', 'http://localhost:5173', 'capacitor://localhost'],
    tls: { certFile: '/etc/photosync/cert.pem', keyFile: 'key.pem' },
    workerConcurrency: 64,
    uploadMemoryBytes: 512 * 2 ** 20,
    logLevel: 'silent',
  })
})

test('a region that nobody lists is reached the way it is served', () => {
  const tls = { TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem' }
  expect(readConfig({ ...complete, ...tls, PORT: '8443' }).region.apiUrl).toBe('https://127.0.0.1:8443')
})

test('S3 without keys uses the machine’s role, and the region’s own id where none is named', () => {
  expect(readConfig(s3).bucket).toEqual({ kind: 's3', bucket: 'photos', region: 'us-west-2' })
})

test('an empty variable is one that is not set', () => {
  expect(readConfig({ ...complete, REDIS_URL: '', S3_BUCKET: '', PORT: '' })).toEqual(readConfig(complete))
})

test('a region that the list does not name is added to it', () => {
  const other = { id: 'ap-southeast-1', apiUrl: 'https://ap.photos.example', partition: 'intl' }
  const { region, regions } = readConfig({ ...complete, PHOTOSYNC_REGIONS: JSON.stringify([other]) })
  expect([region.id, regions.map(({ id }) => id)]).toEqual(['us-west-2', ['ap-southeast-1', 'us-west-2']])
})

describe('is refused', () => {
  test.each<[Record<string, string | undefined>, string]>([
    [{ PHOTOSYNC_REGION: undefined }, 'PHOTOSYNC_REGION is missing'],
    [{ PHOTOSYNC_REGION: 'US West' }, 'PHOTOSYNC_REGION must be a region id such as us-west-2'],
    [{ PHOTOSYNC_REGIONS: 'us-west-2' }, 'PHOTOSYNC_REGIONS must be a JSON array of {"id", "apiUrl", "partition"}'],
    [{ PHOTOSYNC_REGIONS: '{}' }, 'PHOTOSYNC_REGIONS must be a JSON array of {"id", "apiUrl", "partition"}'],
    [{ PHOTOSYNC_REGIONS: '[1]' }, 'PHOTOSYNC_REGIONS[0] must be a JSON array of {"id", "apiUrl", "partition"}'],
    [{ PHOTOSYNC_REGIONS: '[{"id": "a"}]' }, 'PHOTOSYNC_REGIONS[0].apiUrl must be a URL'],
    [
      { PHOTOSYNC_REGIONS: '[{"id": "a", "apiUrl": "photos.example"}]' },
      'PHOTOSYNC_REGIONS[0].apiUrl must be a URL such as https://us-west-2.photos.example',
    ],
    [{ DATABASE_URL: undefined }, 'DATABASE_URL is missing'],
    [{ DATABASE_URL: 'mysql://db' }, 'DATABASE_URL must be a URL such as postgresql://user:password@host/photosync'],
    [{ DATABASE_URL: 'postgresql://u:a/b#c@db/x' }, 'DATABASE_URL must be a URL such as'],
    [{ DIRECTORY_DATABASE_URL: 'db' }, 'DIRECTORY_DATABASE_URL must be a URL such as'],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL must be a URL such as redis://host:6379'],
    [{ BUCKET_DIR: undefined }, 'S3_BUCKET is missing, or BUCKET_DIR to keep photos in a folder'],
    [{ S3_BUCKET: 'photos' }, 'BUCKET_DIR and S3_BUCKET are both given, and photos are kept in one place'],
    [{ S3_ENDPOINT: 's3.example' }, 'S3_ENDPOINT must be a URL such as https://s3.us-west-2.amazonaws.com'],
    [{ S3_ACCESS_KEY_ID: 'k' }, 'S3_SECRET_ACCESS_KEY is missing; leave out both keys to use the machine’s own role'],
    [{ S3_SECRET_ACCESS_KEY: 's' }, 'S3_ACCESS_KEY_ID is missing; leave out both keys'],
    ...[
      '*',
      'null',
      'app.example',
      'https://app.example/',
      'https://app.example/path',
      'https://App.example',
      'https://app.example:443',
      'https://user@app.example',
      'https://',
      'https://a.example,',
      'https://a.example https://b.example',
      'data:text/html,x',
    ].map((origins): [Record<string, string>, string] => [
      { CORS_ORIGINS: origins },
      'CORS_ORIGINS must be origins such as https://app.example, without a path or a slash at the end',
    ]),
    [{ TLS_CERT_FILE: 'cert.pem' }, 'TLS_KEY_FILE is missing; leave out both files to serve plain HTTP'],
    [{ TLS_KEY_FILE: 'key.pem' }, 'TLS_CERT_FILE is missing; leave out both files'],
    [{ PORT: 'http' }, 'PORT must be a whole number from 0 to 65535'],
    [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535'],
    [{ PORT: '0x50' }, 'PORT must be a whole number from 0 to 65535'],
    [{ OPS_PORT: '-1' }, 'OPS_PORT must be a whole number from 0 to 65535'],
    [{ UPLOAD_MEMORY_MB: '7' }, 'UPLOAD_MEMORY_MB must be a whole number from 8 to 65536'],
    [{ WORKER_CONCURRENCY: '0' }, 'WORKER_CONCURRENCY must be a whole number from 1 to 64'],
    [{ WORKER_CONCURRENCY: '2.5' }, 'WORKER_CONCURRENCY must be a whole number from 1 to 64'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent'],
  ])('%j', (variables, problem) => {
    const message = refusal({ ...complete, ...variables })
    expect(message).toMatch(/^The environment is not right: /)
    expect(message).toContain(problem)
    expect(message.split('; ').filter(part => !part.startsWith('leave out'))).toHaveLength(1)
  })

  test('all that is wrong is named at once, and no value of it', () => {
    const message = refusal({ DATABASE_URL: 'mysql://u:secret@db', PORT: 'x', S3_ACCESS_KEY_ID: 'hidden' })
    for (const name of ['PHOTOSYNC_REGION', 'DATABASE_URL', 'PORT', 'S3_BUCKET', 'S3_SECRET_ACCESS_KEY'])
      expect(message).toContain(`${name} `)
    expect(message).not.toMatch(/secret@|hidden|\n/)
  })
})

function refusal(environment: Record<string, string | undefined>): string {
  try {
    readConfig(environment)
  } catch (error) {
    if (isAppError(error, 'invalid')) return error.message
    throw error
  }
  throw new Error('it was not refused')
}
