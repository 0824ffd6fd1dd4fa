/** The sides of the sync bench: each sends a folder from the near end of a link, as a process of its own, and is timed from its start to its end. */
import { join } from 'node:path'
import { AppError } from '../../../src/core/errors.js'
import { packageFolder } from '../../../src/core/package-folder.js'
import type { Carried, LongLink } from '../../support/long-link.js'
import { startProcess } from '../../support/process.js'
import { cpuMsOf } from '../process-cost.js'
import type { Gallery } from './gallery.js'
import type { Api, Person } from './services.js'

export type SideName = 'ours' | 'uppy' | 'sequential'

/** Where a side sends from and to. */
export interface Way {
  link: LongLink
  api: Api
}

export interface Sent {
  side: SideName
  files: number
  /** Of the files. */
  bytes: number
  /** Of the process. */
  seconds: number
  /** Without its start, by its own clock. */
  sendingSeconds: number
  /** Payload that the link carried to the server, as a share of the files' bytes, less one: requests' heads and what went twice. */
  carriedOver: number
  /** The same by the client's own count of what it sent; ours tells it. */
  sentOver: number | undefined
  requests: number | undefined
  /** Files that it ended without; all of them when it was given up. */
  failed: number
  cpuMs: { api: number; link: number }
  carried: Carried
}

export interface SendOptions {
  /** It is ended after this long, and files that are not stored by then or were given up are a result, no failure. */
  giveUpMs?: number | undefined
  /** What a program keeps between two runs. */
  home: string
  signal: AbortSignal
}

/** What `photosync push --json` ends with, as far as it matters here; a plain client tells less. */
interface Told {
  bytesSent?: number
  requests?: number
  seconds?: number
  failed?: readonly unknown[]
}

const cli = join(packageFolder, 'dist/src/cli/main.js')
const program = (name: string) => join(packageFolder, `dist/test/bench/sync/${name}.js`)
const sendDeadlineMs = 15 * 60_000

const uppyLimit = 20

/** Rejects with what the program said when it didn't store every file, unless that may be. */
export async function send(
  side: SideName,
  way: Way,
  who: Person,
  gallery: Gallery,
  options: SendOptions,
): Promise<Sent> {
  const args =
    side === 'ours'
      ? [cli, 'push', gallery.dir, '--server', way.api.url, '--json', '--quiet']
      : [program('plain-client'), gallery.dir, `${way.api.url}/v1/uploads`, side === 'uppy' ? `${uppyLimit}` : '1']
  const processes = { api: [way.api.pid], link: [way.link.pid] }
  const [before, cpuBefore] = [await way.link.tell(), cpuMsOf(processes)]
  const startMs = performance.now()
  const told = await runNear(way, args, { ...options, token: who.token })
  const seconds = (performance.now() - startMs) / 1_000
  const [after, cpuAfter] = [await way.link.tell(), cpuMsOf(processes)]
  const { bytesSent, requests, failed, seconds: sendingSeconds = seconds } = (told ?? {}) as Told
  const spent = (name: keyof typeof processes) => (cpuAfter[name] ?? 0) - (cpuBefore[name] ?? 0)
  return {
    side,
    files: gallery.files,
    bytes: gallery.bytes,
    seconds,
    sendingSeconds,
    carriedOver: (after.toFar.payloadBytes - before.toFar.payloadBytes) / gallery.bytes - 1,
    sentOver: bytesSent === undefined ? undefined : bytesSent / gallery.bytes - 1,
    requests,
    failed: told ? (failed?.length ?? 0) : gallery.files,
    cpuMs: { api: spent('api'), link: spent('link') },
    carried: after,
  }
}

/** Milliseconds that each of so many requests took. */
export async function timeRequests(way: Way, who: Person, count: number, options: SendOptions): Promise<number[]> {
  const args = [program('latency-client'), way.api.url, `${count}`]
  const told = await runNear(way, args, { ...options, token: who.token })
  return told?.ms as number[]
}

/**
 * A program of Node's at the near end; returns the JSON of its last line, or nothing when it was given up. Rejects with what it said
 * when it failed, unless it may.
 */
async function runNear(
  { link }: Way,
  args: readonly string[],
  { home, giveUpMs, signal, token }: SendOptions & { token: string },
): Promise<Record<string, unknown> | undefined> {
  const running = await startProcess({
    ...link.on('near', process.execPath, args),
    env: { PHOTOSYNC_TOKEN: token, HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home },
  })
  let [stdout, stderr] = ['', '']
  running.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  running.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2_000)
  })
  const tooLong = AbortSignal.timeout(giveUpMs ?? sendDeadlineMs)
  const over = AbortSignal.any([signal, tooLong])
  const end = () => running.child.kill('SIGKILL')
  over.addEventListener('abort', end, { once: true })
  await running.ended
  over.removeEventListener('abort', end)
  signal.throwIfAborted()
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (giveUpMs !== undefined && tooLong.aborted) return undefined
  if (running.child.exitCode === 0 || (giveUpMs !== undefined && line.startsWith('{'))) return JSON.parse(line)
  throw new AppError('unavailable', `A handset of this bench failed: ${stderr.trim() || running.end()}`)
}

/** Of the link's rate. */
export function linkShare({ bytes, seconds }: Pick<Sent, 'bytes' | 'seconds'>, mbit: number): number {
  return (bytes * 8) / seconds / (mbit * 1e6)
}

export const bytesPerSecond = ({ bytes, seconds }: Sent): number => bytes / seconds
