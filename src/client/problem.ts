/**
 * What went wrong with a request, as an AppError: from an answer (problem+json, or the plain text of a tus server), or from
 * the failure of the request itself. The messages are for people and never hold the token. Pure.
 */
import { AppError, type ErrorKind, errorKinds } from '../core/errors.js'

/** The parts of an answer that say what went wrong, whichever HTTP client brought them. */
export interface FailedAnswer {
  /** The address that was asked, as the person gave it. */
  server: string
  status: number
  /** The body as text; only its beginning is used. */
  body: string
  header: (name: string) => string | null | undefined
}

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'unavailable', // the server saw the connection break
  409: 'conflict',
  410: 'gone',
  413: 'too_large',
  415: 'unsupported_media',
  421: 'misdirected',
  423: 'held',
  429: 'too_many',
  460: 'checksum_mismatch',
}

/** Kinds that pass by themselves, so that asking again can help. */
const passingKinds: readonly ErrorKind[] = ['held', 'too_many', 'unavailable']

/** The longest that one request waits because it was told to; told more, it gives up and says so. */
const retryAfterMaxSeconds = 60

/** Asking again soon can help. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof AppError &&
    passingKinds.includes(error.kind) &&
    (error.retryAfterSeconds ?? 0) <= retryAfterMaxSeconds
  )
}

/** The server is not there, or wants to be left alone, for however long: this concerns whatever it is asked. */
export function isAway(error: unknown): boolean {
  return error instanceof AppError && (error.kind === 'unavailable' || error.kind === 'too_many')
}

/** What no server of ours says to a well-formed question. From an address that has answered well it is somebody's in between, and passes. */
export function isNonsense(error: unknown): boolean {
  return error instanceof AppError && (error.kind === 'invalid' || error.kind === 'not_found')
}

/** `nowMs` is for the form of Retry-After that is a date, where the answer does not say by which clock. */
export function errorOfAnswer(answer: FailedAnswer, nowMs: number): AppError {
  const { status, server } = answer
  const problem = parseProblem(answer.body)
  const kind = problem?.kind ?? kindOfStatus[status] ?? (status >= 500 ? 'unavailable' : 'invalid')
  const retryAfterSeconds = parseRetryAfter(answer.header('retry-after'), nowMs, () => answer.header('date'))
  const said = problem?.detail ?? plainReason(answer) ?? sentence(kind, status, server, retryAfterSeconds)
  return new AppError(kind, said, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    facts: problem?.facts ?? {},
  })
}

/** For a request that brought no answer at all. */
export function errorOfNetwork(error: unknown, server: string): AppError {
  if (error instanceof AppError) return error
  return new AppError(
    'unavailable',
    `${server} cannot be reached (${networkReason(error)}): check the address and the connection`,
    {
      cause: error,
    },
  )
}

/**
 * Retry-After, RFC 9110 §10.2.3: seconds, or a date by the clock of the answer's own Date (§6.6.1), since either clock may be a
 * year off; anything else counts as not said.
 */
export function parseRetryAfter(
  text: string | null | undefined,
  nowMs: number,
  sentAt: () => string | null | undefined = () => undefined,
): number | undefined {
  if (!text) return undefined
  if (/^\d+$/.test(text)) return Math.min(Number(text), retryAfterSecondsMax)
  const atMs = dateMs(text)
  if (atMs === undefined) return undefined
  const seconds = Math.ceil((atMs - (dateMs(sentAt()) ?? nowMs)) / 1000)
  return Math.max(0, Math.min(seconds, retryAfterSecondsMax))
}

/** For ever, more or less. */
const retryAfterSecondsMax = 999_999_999

/** Each form of HTTP-date begins with a day's name; `Date.parse` takes much more. */
function dateMs(text: string | null | undefined): number | undefined {
  const ms = /^[a-z]{3}/i.test(text ?? '') ? Date.parse(text ?? '') : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

interface Problem {
  kind: ErrorKind | undefined
  detail: string | undefined
  facts: Record<string, string | number | boolean>
}

function parseProblem(body: string): Problem | undefined {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined // not JSON: a tus answer, or a proxy's page
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { kind, detail, ...rest } = value as Record<string, unknown>
  const facts: Problem['facts'] = {}
  for (const [name, fact] of Object.entries(rest)) {
    if (typeof fact === 'string' || typeof fact === 'number' || typeof fact === 'boolean') facts[name] = fact
  }
  return {
    kind: errorKinds.find(known => known === kind),
    detail: typeof detail === 'string' && detail !== '' ? printable(detail) : undefined,
    facts,
  }
}

/** The first line of a plain-text answer: how tus servers give their reason. */
function plainReason({ body, header }: FailedAnswer): string | undefined {
  if (!header('content-type')?.startsWith('text/plain')) return undefined
  return printable(body.split('\n', 1)[0] ?? '') || undefined
}

/** What a server says goes to a terminal: no control characters, and not without end. */
function printable(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300)
}

function sentence(kind: ErrorKind, status: number, server: string, retryAfterSeconds: number | undefined): string {
  if (kind === 'too_many') {
    const when = retryAfterSeconds === undefined ? 'later' : `in ${spell(retryAfterSeconds)}`
    return `${server} is asked too much and wants to be asked again ${when}`
  }
  if (kind === 'unauthenticated') return `${server} does not accept this token: make a new one and use that`
  if (kind === 'held') return 'something else is working on it right now; try again soon'
  if (kind === 'too_large') return 'the file is larger than the server accepts'
  if (kind === 'unsupported_media') return 'the server does not keep this kind of file'
  if (status >= 500) return `${server} failed with status ${status}: try again later`
  return `${server} answered with status ${status}: is this the address of a photosync server?`
}

function spell(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 2 * 3600 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`
}

const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no network',
}

/** fetch wraps the reason in `cause`, and a host with several addresses in `errors`. */
function networkReason(error: unknown): string {
  for (let inner = error, depth = 0; inner instanceof Error && depth < 5; depth++) {
    const { code } = inner as NodeJS.ErrnoException
    if (inner.name === 'TimeoutError') return 'no answer in time'
    if (typeof code === 'string') return networkReasons[code] ?? code
    inner = inner instanceof AggregateError ? inner.errors[0] : inner.cause
  }
  return 'the connection failed'
}
