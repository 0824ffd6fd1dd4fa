/**
 * A client of one version of the draft that says exactly what a test tells it to, over real connections to any service that speaks
 * it: what a proper client would never send, too, and requests that can be broken off anywhere.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { expect } from 'vitest'
import { closeOf } from '../../support/close-of.js'

/** `unnamed`: a client that names no version, as those of the finished RFC will. */
export type Version = 3 | 4 | 5 | 6 | 7 | 8 | 'unnamed'
export const versions: readonly Version[] = [3, 4, 5, 6, 7, 8, 'unnamed']

/** A running service. */
export interface Target {
  /** Where it listens, e.g. http://127.0.0.1:8080. Several processes of one service get requests in turn. */
  origins: readonly string[]
  /** Where uploads are created, e.g. /v1/uploads. */
  path: string
  /** Of every request, e.g. Authorization. */
  headers?: Readonly<Record<string, string>>
  /** Makes every unfinished upload expire now. */
  expireAll?: () => void
}

export interface Interim {
  status: number
  headers: http.IncomingHttpHeaders
}

export interface Answer extends Interim {
  text: string
  /** What came ahead of it. */
  interims: readonly Interim[]
}

/** undefined leaves a header out that would be sent otherwise. */
export type Headers = Readonly<Record<string, string | number | undefined>>

export interface Exchange {
  /** Its body goes out as a test writes it. */
  request: http.ClientRequest
  answer: Promise<Answer>
  /** The first that comes ahead of the answer. */
  interim: Promise<Interim>
}

export interface Request {
  headers?: Headers
  body?: Buffer | string
  /** Default: the next in turn. */
  origin?: string
}

export interface Ietf {
  readonly version: Version
  readonly target: Target
  begin(method: string, path: string, request?: Omit<Request, 'body'>): Exchange
  ask(method: string, path: string, request?: Request): Promise<Answer>
  /** To where uploads are created. */
  post(headers: Headers, body?: Buffer | string): Promise<Answer>
  /** The path of a new upload without bytes. */
  create(headers?: Headers): Promise<string>
  /** Complete as `headers` say; without a word of it when they don't. */
  patch(path: string, offset: number | string, body: Buffer | string, headers?: Headers): Promise<Answer>
  head(path: string, headers?: Headers): Promise<Answer>
  delete(path: string, headers?: Headers): Promise<Answer>
  /** The request's content reaches the end of the file. */
  readonly ends: Headers
  /** It doesn't. */
  readonly goesOn: Headers
  /** Of an append. */
  readonly type: Headers
  /** What an answer says of completeness. */
  isComplete(answer: Interim): boolean | undefined
  /** The upload is there, at this byte, and not complete. */
  expectAt(path: string, offset: number): Promise<void>
}

export function openIetf(target: Target, version: Version): Ietf {
  let turn = 0
  const completeness = version === 3 ? 'Upload-Incomplete' : 'Upload-Complete'
  const says = (isComplete: boolean): Headers => ({ [completeness]: isComplete === (version !== 3) ? '?1' : '?0' })
  const named = version === 'unnamed' ? {} : { 'Upload-Draft-Interop-Version': version }
  const type: Headers = isBefore(version, 6) ? {} : { 'Content-Type': 'application/partial-upload' }

  const begin: Ietf['begin'] = (method, path, { headers = {}, origin } = {}) => {
    const url = new URL(path, origin ?? target.origins[turn++ % target.origins.length])
    const all = { ...named, ...target.headers, ...headers }
    const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    return exchange(http.request(url, { method, agent: false, headers: said as http.OutgoingHttpHeaders }))
  }
  const ask: Ietf['ask'] = (method, path, { body, ...request } = {}) => {
    const { request: sending, answer } = begin(method, path, request)
    sending.end(body)
    return answer
  }
  const post: Ietf['post'] = (headers, body) =>
    ask('POST', target.path, { headers, ...(body !== undefined && { body }) })
  const head: Ietf['head'] = (path, headers = {}) => ask('HEAD', path, { headers })
  const isComplete: Ietf['isComplete'] = ({ headers }) => {
    const said = headers[completeness.toLowerCase()]
    return said === '?1' || said === '?0' ? (said === '?1') === (version !== 3) : undefined
  }
  return {
    version,
    target,
    begin,
    ask,
    post,
    head,
    type,
    ends: says(true),
    goesOn: says(false),
    isComplete,
    create: async (headers = {}) => locationOf(await post({ ...says(false), ...headers })),
    patch: (path, offset, body, headers = {}) =>
      ask('PATCH', path, { headers: { 'Upload-Offset': offset, ...type, ...headers }, body }),
    delete: (path, headers = {}) => ask('DELETE', path, { headers }),
    expectAt: async (path, offset) => {
      const answer = await head(path)
      expect([...told(answer), isComplete(answer)], `HEAD ${path}`).toEqual([204, String(offset), false])
    },
  }
}

export const isBefore = (version: Version, other: number): boolean => version !== 'unnamed' && version < other

function exchange(request: http.ClientRequest): Exchange {
  const interims: Interim[] = []
  const interim = new Promise<Interim>((resolve, reject) => {
    request.on('information', ({ statusCode: status, headers }) => {
      interims.push({ status, headers })
      resolve({ status, headers })
    })
    request.on('close', () => reject(new Error('nothing came ahead of the answer')))
  })
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, interims, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
  })
  // Who breaks the request off waits for neither.
  for (const promise of [interim, answer]) promise.catch(() => {})
  return { request, answer, interim }
}

/** Breaks a request off once everything that was written of it has arrived. */
export async function endEarly(request: http.ClientRequest): Promise<void> {
  const closed = closeOf(request)
  request.on('error', () => {})
  request.socket?.end()
  await closed
}

/**
 * Nobody can tell from outside when a server has read what was sent, so `attempt` is made with ever longer delays, until it says that
 * the server had.
 */
export async function onceRead(attempt: (delayMs: number) => Promise<boolean>): Promise<void> {
  for (let delayMs = 0; delayMs < 200; delayMs += 2) if (await attempt(delayMs)) return
  throw new Error('the server never read what was sent')
}

/** Of an upload that was created. Its path alone: behind it may be any of several processes. */
export function locationOf({ status, headers }: Interim): string {
  expect([104, 200, 201]).toContain(status)
  const { location } = headers
  if (!location) throw new Error('a created upload has no Location')
  const { pathname, search } = new URL(location, 'http://here.invalid')
  return pathname + search
}

/** What was told of the offset. */
export const told = ({ status, headers }: Interim) => [status, headers['upload-offset']]

/** Of one that is stored. */
export const receiptOf = ({ headers }: Interim) => [headers['photosync-photo'], headers['photosync-duplicate']]

/** Refused with this status, as a problem that says why. Returns the problem. */
export function refused(answer: Answer, status: number, type = 'about:blank'): Record<string, unknown> {
  expect([answer.status, answer.headers['content-type']], answer.text).toEqual([status, 'application/problem+json'])
  const problem = JSON.parse(answer.text)
  expect(problem).toMatchObject({
    status,
    title: expect.stringMatching(/\w/),
    detail: expect.stringMatching(/\w{2,} \w/),
  })
  expect(problem.type).toBe(type === 'about:blank' ? type : `https://iana.org/assignments/http-problem-types#${type}`)
  return problem
}

/** Upload-Limit, a Dictionary of Integers. */
export function limitsOf({ headers }: Interim): Record<string, number> {
  const members = String(headers['upload-limit']).split(', ')
  for (const member of members) expect(member).toMatch(/^[a-z-]+=\d{1,15}$/)
  return Object.fromEntries(members.map(member => member.split('=')).map(([key, value]) => [key, Number(value)]))
}

/** Bytes that no other upload has. */
export const content = (sizeBytes = 1_000): Buffer => randomBytes(sizeBytes)
