/**
 * The environment, read once and checked whole: the only file that looks at process.env. Every process of a region (api,
 * worker, commands) is configured by the same names; README lists them.
 */
import { z } from 'zod'
import { AppError } from './core/errors.js'
import { limits } from './core/limits.js'

const url = (protocols: RegExp, example: string) =>
  z
    .string({ error: 'must be a URL' })
    .refine(text => protocols.test(text) && URL.canParse(text), { error: `must be a URL such as ${example}` })
const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.string().regex(/^\d+$/, { error }).transform(Number).pipe(z.number().min(min, { error }).max(max, { error }))
}
const port = wholeNumber(0, 65_535)
const regionId = z
  .string({ error: 'must be a region id' })
  .regex(/^[a-z0-9-]{1,40}$/, { error: 'must be a region id such as us-west-2' })
/** The very text that a browser sends. Apps in a web view have schemes of their own, of which URL knows no origin. */
const isOrigin = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { origin, protocol, host } = new URL(text)
  return text === (origin === 'null' ? `${protocol}//${host}` : origin) && host !== ''
}
const regionsShape = 'must be a JSON array of {"id", "apiUrl", "partition"}'
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const regionEntry = z.object(
  {
    id: regionId,
    /** Where handsets and browsers reach this region's API. */
    apiUrl: url(/^https?:\/\//, 'https://us-west-2.photos.example'),
    /** Regions of different partitions share nothing. */
    partition: z.string({ error: 'must be the name of a partition' }).default('intl'),
  },
  { error: regionsShape },
)
export type RegionEntry = z.infer<typeof regionEntry>

const environment = z.object({
  PHOTOSYNC_REGION: regionId,
  PHOTOSYNC_REGIONS: z
    .string()
    .default('[]')
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown
      } catch {
        context.addIssue(regionsShape)
        return z.NEVER
      }
    })
    .pipe(z.array(regionEntry, { error: regionsShape })),
  DATABASE_URL: url(/^postgres(ql)?:\/\//, 'postgresql://user:password@host/photosync'),
  DIRECTORY_DATABASE_URL: url(/^postgres(ql)?:\/\//, 'postgresql://user:password@host/directory').optional(),
  REDIS_URL: url(/^rediss?:\/\//, 'redis://host:6379').optional(),
  BUCKET_DIR: z.string().min(1).optional(),
  S3_BUCKET: z.string().min(1).optional(),
  S3_ENDPOINT: url(/^https?:\/\//, 'https://s3.us-west-2.amazonaws.com').optional(),
  S3_REGION: z.string().min(1).optional(),
  S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  /** Addresses or CIDR ranges of the proxies in front, whose X-Forwarded-For is believed. */
  TRUSTED_PROXIES: z
    .string()
    .regex(/^[0-9a-fA-F.:/]+(\s*,\s*[0-9a-fA-F.:/]+)*$/, {
      error: 'must be addresses or ranges such as 10.0.0.0/8, separated by commas',
    })
    .optional(),
  /** Origins of other sites' pages that may call the API, as browsers write them. */
  CORS_ORIGINS: z
    .string()
    .transform(text => text.split(',').map(origin => origin.trim()))
    .refine(origins => origins.every(isOrigin), {
      error: 'must be origins such as https://app.example, without a path or a slash at the end, separated by commas',
    })
    .optional(),
  /** In PEM. With them HTTPS is served on PORT, HTTP/2 and HTTP/1.1. */
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(4000),
  /** Health and metrics, on a port of their own; 0 picks a free one. */
  OPS_PORT: port.default(0),
  /** Of the user `operator`, who may look at the queues on the worker's OPS_PORT. Without it nobody may. */
  OPERATOR_PASSWORD: z.string().min(12, { error: 'must have at least 12 characters' }).optional(),
  WORKER_CONCURRENCY: wholeNumber(1, 64).default(2),
  /** For bodies of uploads, in one API process. */
  UPLOAD_MEMORY_MB: wholeNumber(8, 65_536).default(limits.heldBytesPerProcess / 2 ** 20),
  LOG_LEVEL: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('info'),
})

export type BucketConfig =
  | { kind: 'disk'; dir: string }
  | {
      kind: 's3'
      bucket: string
      region: string
      endpoint?: string
      accessKeyId?: string
      secretAccessKey?: string
    }

export interface Config {
  region: RegionEntry
  /** All regions this one knows of, itself included. */
  regions: readonly RegionEntry[]
  databaseUrl: string
  directoryDatabaseUrl: string
  /** Without it the queue and the signals live in Postgres. */
  redisUrl: string | undefined
  bucket: BucketConfig
  host: string
  trustedProxies: readonly string[]
  corsOrigins: readonly string[]
  /** Without it HTTP is plain, and TLS is for whoever stands in front. */
  tls: { certFile: string; keyFile: string } | undefined
  port: number
  opsPort: number
  operatorPassword: string | undefined
  workerConcurrency: number
  uploadMemoryBytes: number
  /** Where programs are looked for that may be installed: ffmpeg. */
  programPath: string | undefined
  logLevel: string
}

/** Rejects with one sentence that names every variable that is missing or wrong. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  // Node 20 is supported here, whatever the SDK's next major version will want; its warning would bury our own sentences.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  // An empty variable is one that isn't set: that is how shells and compose files clear one.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environment.safeParse(given)
  const together = [...bucketProblems(given), ...tlsProblems(given)]
  const problems = [...(parsed.error ? explain(parsed.error, given) : []), ...together]
  if (!parsed.success || problems.length > 0)
    throw new AppError('invalid', `The environment is not right: ${problems.join('; ')}`)
  const e = parsed.data
  const tls = e.TLS_CERT_FILE && e.TLS_KEY_FILE ? { certFile: e.TLS_CERT_FILE, keyFile: e.TLS_KEY_FILE } : undefined
  const region = e.PHOTOSYNC_REGIONS.find(({ id }) => id === e.PHOTOSYNC_REGION) ?? {
    id: e.PHOTOSYNC_REGION,
    apiUrl: `${tls ? 'https' : 'http'}://${e.HOST}:${e.PORT}`,
    partition: 'intl',
  }
  return {
    region,
    regions: e.PHOTOSYNC_REGIONS.includes(region) ? e.PHOTOSYNC_REGIONS : [...e.PHOTOSYNC_REGIONS, region],
    databaseUrl: e.DATABASE_URL,
    directoryDatabaseUrl: e.DIRECTORY_DATABASE_URL ?? e.DATABASE_URL,
    redisUrl: e.REDIS_URL,
    bucket: bucketConfig(e),
    host: e.HOST,
    trustedProxies: e.TRUSTED_PROXIES?.split(',').map(text => text.trim()) ?? [],
    corsOrigins: e.CORS_ORIGINS ?? [],
    tls,
    port: e.PORT,
    opsPort: e.OPS_PORT,
    operatorPassword: e.OPERATOR_PASSWORD,
    workerConcurrency: e.WORKER_CONCURRENCY,
    uploadMemoryBytes: e.UPLOAD_MEMORY_MB * 2 ** 20,
    programPath: env.PATH,
    logLevel: e.LOG_LEVEL,
  }
}

/** What no variable says alone. */
function bucketProblems(given: Readonly<Record<string, string | undefined>>): string[] {
  const { BUCKET_DIR, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = given
  const problems: string[] = []
  if (BUCKET_DIR && S3_BUCKET)
    problems.push('BUCKET_DIR and S3_BUCKET are both given, and photos are kept in one place')
  if (!BUCKET_DIR && !S3_BUCKET) problems.push('S3_BUCKET is missing, or BUCKET_DIR to keep photos in a folder')
  if (!S3_ACCESS_KEY_ID !== !S3_SECRET_ACCESS_KEY) {
    const missing = S3_ACCESS_KEY_ID ? 'S3_SECRET_ACCESS_KEY' : 'S3_ACCESS_KEY_ID'
    problems.push(`${missing} is missing; leave out both keys to use the machine’s own role`)
  }
  return problems
}

function tlsProblems({ TLS_CERT_FILE, TLS_KEY_FILE }: Readonly<Record<string, string | undefined>>): string[] {
  if (!TLS_CERT_FILE === !TLS_KEY_FILE) return []
  const missing = TLS_CERT_FILE ? 'TLS_KEY_FILE' : 'TLS_CERT_FILE'
  return [`${missing} is missing; leave out both files to serve plain HTTP`]
}

function bucketConfig(e: z.infer<typeof environment>): BucketConfig {
  if (e.BUCKET_DIR) return { kind: 'disk', dir: e.BUCKET_DIR }
  return {
    kind: 's3',
    bucket: e.S3_BUCKET ?? '',
    region: e.S3_REGION ?? e.PHOTOSYNC_REGION,
    ...(e.S3_ENDPOINT && { endpoint: e.S3_ENDPOINT }),
    ...(e.S3_ACCESS_KEY_ID && { accessKeyId: e.S3_ACCESS_KEY_ID }),
    ...(e.S3_SECRET_ACCESS_KEY && { secretAccessKey: e.S3_SECRET_ACCESS_KEY }),
  }
}

function explain(error: z.ZodError, given: Readonly<Record<string, unknown>>): string[] {
  return error.issues.map(({ path: [name = '', ...within], message }) => {
    if (given[String(name)] === undefined) return `${String(name)} is missing`
    const place = within.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
    return `${String(name)}${place} ${message}`
  })
}

/** What a process that we start gets of our own environment, besides what is said to it: how to find programs and a temp folder. */
export function inheritedEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_OPTIONS']
  return Object.fromEntries(names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])))
}

/** For commands that take a secret or a setting from the environment. */
export const environmentOf = (): Readonly<Record<string, string | undefined>> => process.env

/** Whether `npm run` started this process. */
export const startedByNpm = (): boolean => process.env.npm_lifecycle_event !== undefined
