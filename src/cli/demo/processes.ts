/** The demo's servers: processes of their own, as in production, started again when they die, and ended with the demo. */
import { type ChildProcess, fork } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../core/errors.js'
import type { Ready } from '../../serve.js'
import { nodeFlags } from '../servers.js'

export interface ServerSpec {
  name: string
  program: string
  env: Record<string, string>
  logFile: string
  /** Says what a person should know of it, e.g. that it was started again. */
  say: (line: string) => void
}

export interface RunningServer {
  ready: Ready
  stop(): Promise<void>
}

const readyDeadlineMs = 60_000
const stopDeadlineMs = 30_000
/** One that dies this often without having served for a minute will not live. */
const restartsMax = 5
const steadyMs = 60_000

export async function startServer(spec: ServerSpec, signal: AbortSignal): Promise<RunningServer> {
  let stopping = false
  let restarts = 0
  let { child, ready } = await launch(spec, signal)

  const watch = (watched: ChildProcess) => {
    const startedMs = performance.now()
    watched.once('exit', () => {
      if (performance.now() - startedMs > steadyMs) restarts = 0
      if (!stopping) void restart()
    })
  }
  const restart = async () => {
    while (!stopping && restarts++ < restartsMax) {
      spec.say(`${spec.name} ended unexpectedly; starting it again`)
      await sleep(250)
      try {
        ;({ child, ready } = await launch(spec, signal))
        watch(child)
        return
      } catch {
        await sleep(500 * restarts)
      }
    }
    if (!stopping) spec.say(`${spec.name} does not stay up; see ${spec.logFile}`)
  }
  watch(child)

  return {
    get ready() {
      return ready
    },
    stop: async () => {
      stopping = true
      await end(child)
    },
  }
}

async function launch(spec: ServerSpec, signal: AbortSignal): Promise<{ child: ChildProcess; ready: Ready }> {
  signal.throwIfAborted()
  const log = createWriteStream(spec.logFile, { flags: 'a', mode: 0o600 })
  // Its own process group: Ctrl-C in a terminal is for the demo, which then ends its servers in order. They end by
  // themselves when the channel to it closes.
  const child = fork(spec.program, [], {
    env: spec.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--enable-source-maps', ...nodeFlags],
  })
  for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false })
  const logged = new Promise(resolve => child.once('close', () => log.end(resolve)))
  const timer = new AbortController()
  try {
    const ready = await Promise.race([
      new Promise<Ready>(resolve => child.once('message', message => resolve((message as { ready: Ready }).ready))),
      new Promise<never>((_, reject) => child.once('error', reject)),
      new Promise<never>((_, reject) =>
        child.once('close', (...how) => reject(new Error(`ended (${how.join(', ')})`))),
      ),
      sleep(readyDeadlineMs, undefined, { signal: AbortSignal.any([timer.signal, signal]) }).then(() =>
        Promise.reject(new Error('not ready in time')),
      ),
    ])
    return { child, ready }
  } catch (cause) {
    await end(child)
    await logged
    signal.throwIfAborted()
    throw new AppError('unavailable', `${spec.name} did not start: ${await lastWords(spec.logFile, cause)}`, { cause })
  } finally {
    timer.abort()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs)
  await gone
  clearTimeout(timer)
}

async function lastWords(file: string, cause: unknown): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const line = text.trim().split('\n').at(-1)
  return line?.replace(/^photosync \w+: /, '') || (cause as Error).message
}
