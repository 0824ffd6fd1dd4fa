/**
 * A client that says exactly what a test tells it to, over real connections to any service that speaks tus: what a proper client
 * would never send, too, and requests that can be broken off anywhere.
 */
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { expect } from 'vitest'

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
  /** One of the origins, where a request that brings no byte is soon ended. */
  stalling?: string
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
}

/** undefined leaves a header out that would be sent otherwise. */
export type Headers = Readonly<Record<string, string | number | undefined>>

export interface Request {
  headers?: Headers
  body?: Buffer | string
  /** Default: the next in turn. */
  origin?: string
}

export interface Exchange {
  /** Its body goes out as a test writes it. */
  request: http.ClientRequest
  answer: Promise<Answer>
}

export interface Tus {
  readonly target: Target
  begin(method: string, path: string, request?: Omit<Request, 'body'>): Exchange
  ask(method: string, path: string, request?: Request): Promise<Answer>
  options(): Promise<Answer>
  /** To where uploads are created. */
  post(headers: Headers, body?: Buffer | string): Promise<Answer>
  /** The path of a new upload. */
  create(lengthBytes: number, headers?: Headers): Promise<string>
  patch(path: string, offset: number | string, body: Buffer | string, headers?: Headers): Promise<Answer>
  head(path: string): Promise<Answer>
  delete(path: string): Promise<Answer>
  /** The upload is there and at this byte. */
  expectAt(path: string, offset: number): Promise<void>
}

export const offsetType = { 'Content-Type': 'application/offset+octet-stream' }

export function openTus(target: Target): Tus {
  let turn = 0
  const begin: Tus['begin'] = (method, path, { headers = {}, origin } = {}) => {
    const url = new URL(path, origin ?? target.origins[turn++ % target.origins.length])
    const all = { 'Tus-Resumable': '1.0.0', ...target.headers, ...headers }
    const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    const { request: send } = url.protocol === 'https:' ? https : http
    // The path as it is written: URL would tidy it up.
    const request = send(url, { method, path, agent: false, headers: said as http.OutgoingHttpHeaders })
    const answer = answerTo(request)
    // Who breaks the request off doesn't wait for its answer.
    answer.catch(() => {})
    return { request, answer }
  }
  const ask: Tus['ask'] = (method, path, { body, ...request } = {}) => {
    const exchange = begin(method, path, request)
    exchange.request.end(body)
    return exchange.answer
  }
  const head: Tus['head'] = path => ask('HEAD', path)
  const post: Tus['post'] = (headers, body) =>
    ask('POST', target.path, { headers, ...(body !== undefined && { body }) })
  return {
    target,
    begin,
    ask,
    post,
    head,
    options: () => ask('OPTIONS', target.path, { headers: { 'Tus-Resumable': undefined } }),
    create: async (lengthBytes, headers = {}) => locationOf(await post({ 'Upload-Length': lengthBytes, ...headers })),
    patch: (path, offset, body, headers = {}) =>
      ask('PATCH', path, { headers: { 'Upload-Offset': offset, ...offsetType, ...headers }, body }),
    delete: path => ask('DELETE', path),
    expectAt: async (path, offset) => {
      const answer = await head(path)
      expect([answer.status, answer.headers['upload-offset']], `HEAD ${path}`).toEqual([200, String(offset)])
    },
  }
}

function answerTo(request: http.ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
  })
}

/** Of an upload that was created. Its path alone: behind it may be any of several processes. */
export function locationOf(answer: Answer): string {
  expect(answer.status, answer.text).toBe(201)
  const { location } = answer.headers
  if (!location) throw new Error('a created upload has no Location')
  return new URL(location, 'http://here.invalid').pathname
}

/** Refused with this status and a sentence that says why. */
export function expectRefused(answer: Answer, status: number): void {
  expect([answer.status, answer.headers['tus-resumable']], answer.text).toEqual([status, '1.0.0'])
  expect(answer.text).toMatch(/\w{2,} \w{2,}/)
}

/** What was told of offset and length. */
export const told = ({ status, headers }: Answer) => [status, headers['upload-offset']]

export const listOf = (header: string | string[] | undefined): string[] => String(header ?? '').split(',')

/** Upload-Metadata. */
export const metadataOf = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')

/** Upload-Metadata by which this server checks the whole file, so that a test sees which bytes an upload has. */
export const wholeOf = (content: Buffer): string =>
  metadataOf({ sha256: createHash('sha256').update(content).digest('hex') })

/** Bytes that no other upload has. */
export const content = (sizeBytes = 1_000): Buffer => randomBytes(sizeBytes)
