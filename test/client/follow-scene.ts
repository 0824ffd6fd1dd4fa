/** For tests of following: pictures of the service's own kind, somebody who follows, and a front that stands between them. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'
import {
  type FollowEvent,
  type FollowOptions,
  follow,
  type Mirror,
  makeApi,
  makeMirror,
  push,
} from '../../src/client/index.js'
import { waitUntil } from '../support/wait-until.js'

let colours = 0

/** A small picture; no two are the same. */
export function picture(): Promise<Buffer> {
  const number = ++colours
  const background = { r: number % 256, g: (number >> 8) % 256, b: 128 }
  return sharp({ create: { width: 48, height: 32, channels: 3, background } })
    .png()
    .toBuffer()
}

/** Sends so many new pictures; resolves with their photos' ids. */
export async function pushPictures(server: string, token: string, count: number): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'photosync-follow-'))
  try {
    const hashes: string[] = []
    for (let number = 0; number < count; number++) {
      const bytes = await picture()
      hashes.push(createHash('sha256').update(bytes).digest('hex'))
      await writeFile(join(dir, `${number}.png`), bytes)
    }
    await push({ server, token, dirs: [dir] })
    const { here } = await makeApi({ server, token }).check(hashes)
    return hashes.map(hash => here.find(({ sha256 }) => sha256 === hash)?.photo ?? '')
  } finally {
    await rm(dir, { recursive: true })
  }
}

export interface Follower {
  mirror: Mirror
  events: FollowEvent[]
  stop: AbortController
  /** Settles when it ended. */
  ended: Promise<unknown>
  /** Waits until the mirror is so. */
  until(what: string, probe: (mirror: Mirror) => boolean): Promise<void>
}

const deadlineMs = 45_000

/** Ends with the test. */
export function startFollowing(options: FollowOptions): Follower {
  const mirror = options.mirror ?? makeMirror()
  const events: FollowEvent[] = []
  const stop = new AbortController()
  const ended = follow({
    firstDelayMs: 50,
    ...options,
    ...(!options.store && { mirror }),
    signal: stop.signal,
    onChange: event => events.push(event),
  }).catch((error: unknown) => error)
  onTestFinished(async () => {
    stop.abort(new Error('the test is over'))
    await ended
  })
  return {
    mirror,
    events,
    stop,
    ended,
    until: (what, probe) => waitUntil(async () => probe(mirror), { what, deadlineMs }),
  }
}

/** Passes requests on to the server, but for those that `instead` answers. */
export async function startFront(
  server: string,
  instead: (path: string, response: ServerResponse) => boolean,
): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = []
  const front = createServer(async (request, response) => {
    const path = request.url ?? '/'
    paths.push(path)
    if (instead(path, response)) return
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    try {
      const answer = await fetch(server + path, {
        method: request.method ?? 'GET',
        headers: { authorization: request.headers.authorization ?? '' },
        signal: gone.signal,
      })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      if (answer.body)
        Readable.fromWeb(answer.body as never)
          .on('error', () => response.destroy())
          .pipe(response)
      else response.end()
    } catch {
      response.destroy()
    }
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  onTestFinished(() => {
    front.closeAllConnections()
    front.close()
  })
  return { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, paths }
}

export function answerProblem(response: ServerResponse, status: number, problem: object): true {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
  return true
}
