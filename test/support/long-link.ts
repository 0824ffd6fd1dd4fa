/**
 * A long, narrow link for tests and benches: two network namespaces joined by long-link.py, with real TCP between whatever runs in
 * them. Each link has names of its own, so that any number may be there at once, also of several runs. It goes, with all that still
 * runs in it, when it is stopped or when this process ends, however that happens.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageFolder } from '../../src/core/package-folder.js'
import { findCommand } from './process.js'

export interface LongLink {
  /** Where servers in the far namespace listen, and clients in the near one find them. */
  readonly farAddress: string
  /** Of the process that passes the packets. */
  readonly pid: number
  /** The command that runs this one on that side. */
  on(side: LinkSide, command: string, args: readonly string[]): { command: string; args: string[] }
  /** From now on it is dead for `forMs` after every `everyMs` alive; `forgetful`: connections from before are reset then. */
  cut(everyMs: number, forMs: number, kind: CutKind): void
  mend(): void
  /** What it has carried since it is there. */
  tell(): Promise<Carried>
  stop(): Promise<void>
}

export type LinkSide = 'far' | 'near'
export type CutKind = 'silent' | 'forgetful'

/** What has arrived, but for `dropped`. */
export interface Direction {
  packets: number
  /** With IP and TCP headers. */
  bytes: number
  /** Of TCP segments, with what TCP sent again. */
  payloadBytes: number
  dropped: number
}

export interface Carried {
  toFar: Direction
  toNear: Direction
  /** The longest that a packet came later than it should have, because the machine was busy. */
  lateMsMax: number
  cuts: number
}

export interface LongLinkOptions {
  rttMs: number
  /** Of each direction. */
  mbit: number
  /** What its buffers hold, at that rate; more is dropped. Default 200. */
  queueMs?: number
}

const program = join(packageFolder, 'test/support/long-link.py')
const deadlineMs = 20_000

/** Why there can be none on this machine, in a sentence; undefined when there can. */
export function longLinkMissing(): string | undefined {
  if (process.platform !== 'linux') return 'A long link needs network namespaces: run it on Linux'
  if (process.getuid?.() !== 0) return 'A long link needs network namespaces: run it as root'
  for (const [command, name] of [
    ['python3', 'python3'],
    ['ip', 'iproute2'],
  ] as const) {
    if (!findCommand(command)) return `A long link needs ${command}: apt-get install ${name}`
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
  } catch {
    return 'A long link needs /dev/net/tun: load the kernel’s tun module, or let the container have that device'
  }
  return undefined
}

/** Rejects with what the program said when this machine doesn't let it make namespaces. */
export async function startLongLink({ rttMs, mbit, queueMs = 200 }: LongLinkOptions): Promise<LongLink> {
  const name = `photosync-${process.pid}-${randomBytes(4).toString('hex')}`
  // Its input is this process's hold on it: whatever ends us ends that. It cleans up by itself then, in a session of its own, where
  // a terminal's Ctrl-C doesn't interrupt it.
  const child = spawn('python3', [program, name, `${rttMs}`, `${mbit}`, `${queueMs}`], { detached: true })
  const answers: ((line: string) => void)[] = []
  const ended = new Promise<never>((_, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.once('error', reject)
    child.once('close', status => {
      const last = said.trimEnd().split('\n').at(-1) ?? ''
      reject(new Error(`the long link ended with status ${status}${last && `: ${last}`}`))
    })
  })
  ended.catch(() => {})
  child.stdin.on('error', () => {}) // it has ended: told by `ended`
  createInterface({ input: child.stdout }).on('line', line => answers.shift()?.(line))
  const answer = () => within(Promise.race([ended, new Promise<string>(resolve => answers.push(resolve))]))
  const say = (line: string) => void child.stdin.write(`${line}\n`)
  const stop = async () => {
    child.stdin.end()
    await within(ended.catch(() => {}))
  }
  try {
    await answer()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    farAddress: '198.18.0.1',
    pid: child.pid as number,
    on: (side, command, args) => ({ command: 'ip', args: ['netns', 'exec', `${name}-${side}`, command, ...args] }),
    cut: (everyMs, forMs, kind) => say(`cut ${everyMs} ${forMs} ${kind}`),
    mend: () => say('mend'),
    tell: async () => {
      const told = answer()
      say('tell')
      return JSON.parse(await told) as Carried
    },
    stop,
  }
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the long link did not answer within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
