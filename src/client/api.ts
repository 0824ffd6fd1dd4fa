/**
 * The JSON part of the API as a handset uses it. Every call has a time limit per attempt, tries again after failures that
 * pass (no answer, held, too many, unavailable; never sooner than Retry-After says), and ends at once when its signal aborts.
 * No answer is held that is larger than ours are. Touches the network through fetch, nothing else.
 */
import * as z from 'zod/mini'
import { wordsVersion } from '../core/consents.js'
import { AppError } from '../core/errors.js'
import { partRoles } from '../core/part-roles.js'
import { photoStates } from '../core/photo-state.js'
import { errorOfAnswer, errorOfNetwork, isPassing } from './problem.js'
import { readText } from './read-text.js'
import { backOff, wait } from './wait.js'

export interface ApiOptions {
  /** Base address of the region's API, e.g. `https://us-west-2.photos.example`. */
  server: string
  token: string
  signal?: AbortSignal
  /** For one attempt; default 30,000. */
  timeoutMs?: number
  /** Calls in all, the first included; default 6. */
  attemptsMax?: number
  /** Delay before the second attempt, doubled for each further one; default 500. */
  firstDelayMs?: number
  /** What is worth another attempt; default: what passes by itself. */
  isWorthAgain?: (error: AppError) => boolean
  /** Told before each request goes out. */
  onRequest?: () => void
  /** Told with each answer what time it is there, in milliseconds since 1970, if it says so. */
  onServerTime?: (serverMs: number) => void
}

const check = z.object({
  missing: z.array(z.string()),
  here: z.array(
    z.object({
      sha256: z.string(),
      photo: z.string(),
      state: z.enum(photoStates),
      reason: z.nullable(z.string()),
      verified: z.boolean(),
      renditions: z.number(),
      /** The whole photo it is a part of. */
      partOf: z._default(z.nullable(z.string()), null),
      role: z._default(z.nullable(z.enum(partRoles)), null),
    }),
  ),
  deleted: z._default(
    z.array(z.object({ sha256: z.string(), photo: z.string(), at: z.string(), inTrash: z.boolean() })),
    [],
  ),
})
/**
 * Which contents are there already, and which their owner deleted; the others have to be sent. `verified` is true only when
 * this content and every part of the photo it belongs to were read again from the bucket and found whole. The same sidecar
 * bytes may be there several times, once for each photo they describe.
 */
export type CheckAnswer = z.infer<typeof check>

const me = z.object({
  id: z.string(),
  email: z.string(),
  region: z.string(),
  photos: z.number(),
  bytes: z.number(),
  unreadable: z.number(),
  waiting: z.number(),
  /** Its owner has said yes to sending photos, and not taken it back. Before that nothing of a gallery may go out. */
  agreesToSync: z._default(z.boolean(), false),
})
export type Me = z.infer<typeof me>

const answer = z.object({ granted: z.boolean(), version: z.optional(z.number()), at: z.optional(z.string()) })
const consents = z.object({ sync: z._default(answer, { granted: false }), places: answer })
/** What the person agrees to; `at` is there once it was answered, and `version`, of the words that were. */
export type Consents = z.infer<typeof consents>

export const photo = z.object({
  id: z.string(),
  fileName: z.nullable(z.string()),
  mediaType: z.nullable(z.string()),
  sizeBytes: z.number(),
  sha256: z.string(),
  storedAt: z.string(),
  verifiedAt: z.nullable(z.string()),
  state: z.enum(photoStates),
  reason: z.nullable(z.string()),
  width: z.nullable(z.number()),
  height: z.nullable(z.number()),
  takenAt: z.nullable(z.string()),
  takenOffsetMinutes: z.nullable(z.number()),
  shownAt: z.string(),
})
export type PhotoFacts = z.infer<typeof photo>

export interface Api {
  /** Whose token this is, and how much they have. */
  me(): Promise<Me>
  /** At most `limits.checkHashes` SHA-256 hashes, in lower-case hex. */
  check(sha256: readonly string[]): Promise<CheckAnswer>
  photo(id: string): Promise<PhotoFacts>
  consents(): Promise<Consents>
  /** Whether handsets may send photos. A yes is one to `syncWords`: show them first. */
  agreeToSync(granted: boolean): Promise<Consents>
  /** Whether the places where photos were taken are kept. */
  keepPlaces(granted: boolean): Promise<Consents>
}

/** The largest are a page of the feed and what is known of 5,000 hashes: a few megabytes. */
const answerBytesMax = 16 * 1024 * 1024

/** It goes through the whole library, however large it is. */
const placesTimeoutMs = 5 * 60_000

/** Every call rejects with an AppError, or with the signal's reason. */
export function makeApi(options: ApiOptions): Api {
  return {
    me: () => call(options, me, 'v1/me'),
    check: sha256 => call(options, check, 'v1/sync/check', { sha256 }),
    photo: id => call(options, photo, `v1/photos/${encodeURIComponent(id)}`),
    consents: () => call(options, consents, 'v1/consents'),
    agreeToSync: granted => call(options, consents, 'v1/consents/sync', { granted, version: wordsVersion.sync }, 'PUT'),
    keepPlaces: granted =>
      call({ ...options, timeoutMs: placesTimeoutMs }, consents, 'v1/consents/places', { granted }, 'PUT'),
  }
}

/** An address below the server's, whose own path is kept. */
export function addressOf(server: string, path: string): string {
  return new URL(path, server.endsWith('/') ? server : `${server}/`).href
}

/**
 * One call of the API, for what `Api` does not name: tries again what passes, and gives what the server answers in the shape
 * that is asked for. `path` is below the server's address, e.g. `v1/albums`. An answer without a body is undefined.
 */
export async function call<T extends z.ZodMiniType>(
  options: ApiOptions,
  shape: T,
  path: string,
  body?: unknown,
  method = body === undefined ? 'GET' : 'POST',
): Promise<z.infer<T>> {
  const { attemptsMax = 6, firstDelayMs = 500, isWorthAgain = isPassing, signal } = options
  const delaysMs = backOff({ attemptsMax, firstDelayMs, delayMaxMs: 10_000 })
  for (;;) {
    try {
      const parsed = shape.safeParse(await request(options, method, path, body))
      if (!parsed.success) throw notOurs(options.server, parsed.error)
      return parsed.data
    } catch (error) {
      signal?.throwIfAborted()
      const delayMs = delaysMs.shift()
      if (delayMs === undefined || !(error instanceof AppError) || !isWorthAgain(error)) throw error
      const askedMs = isPassing(error) ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      await wait(askedMs + delayMs, signal)
    }
  }
}

async function request(options: ApiOptions, method: string, path: string, body: unknown): Promise<unknown> {
  const { server, token, signal, timeoutMs = 30_000, onRequest } = options
  const timeout = AbortSignal.timeout(timeoutMs)
  onRequest?.()
  let response: Response
  let text: string | undefined
  try {
    response = await fetch(addressOf(server, path), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      // A redirect would turn a POST into a GET, or carry the request to a place nobody named.
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    text = await readText(response, answerBytesMax)
  } catch (error) {
    signal?.throwIfAborted()
    throw errorOfNetwork(error, server)
  }
  if (text === undefined) throw notOurs(server, undefined)
  const { status, headers } = response
  const serverMs = Date.parse(headers.get('date') ?? '')
  if (!Number.isNaN(serverMs)) options.onServerTime?.(serverMs)
  if (!response.ok) {
    throw errorOfAnswer({ server, status, body: text, header: name => headers.get(name) }, Date.now())
  }
  try {
    return status === 204 ? undefined : JSON.parse(text)
  } catch (cause) {
    throw notOurs(server, cause)
  }
}

function notOurs(server: string, cause: unknown): AppError {
  return new AppError('invalid', `${server} does not answer like a photosync server: check the address`, { cause })
}
