/**
 * A Redis for tests, as production has to set it up: every write in the append-only file, nothing evicted. It listens on
 * loopback only and keeps everything in its folder.
 */
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { findCommand, type RunningProcess, startProcess, tailOf } from './process.js'
import { waitUntil } from './wait-until.js'

export interface RedisServer {
  url: string
  port: number
  stop(): Promise<void>
  /** Ends it as a crash would; what it acknowledged is in its file. */
  kill9(): Promise<void>
  /** Starts it again on the same port and file; stops it first when it runs. Resolves when it answers. */
  restart(): Promise<void>
  /** Lets it hang (SIGSTOP), as a machine that swaps or a network that swallows does, until `resume`. */
  pause(): void
  resume(): void
}

export interface RedisOptions {
  /** Made when missing; what it holds is kept. */
  dir: string
  /** A free one when not given. */
  port?: number
  signal?: AbortSignal
}

const startDeadlineMs = 15_000

/** Why there can be no Redis on this machine; undefined when there can. */
export function redisMissing(): string | undefined {
  return findCommand('redis-server') ? undefined : 'redis-server is not on this machine: apt-get install redis-server'
}

export async function startRedis({ dir, port: wantedPort, signal }: RedisOptions): Promise<RedisServer> {
  const command = findCommand('redis-server')
  if (!command) throw new Error(redisMissing())
  await mkdir(dir, { recursive: true })
  const port = wantedPort ?? (await freePort())
  const logFile = join(dir, 'redis.log')
  let running: RunningProcess | undefined

  const start = async () => {
    const started = await startProcess({ command, args: settings(dir, port), logFile })
    running = started
    try {
      await waitUntil(() => answersPing(port), {
        what: `Redis on port ${port} answers`,
        deadlineMs: startDeadlineMs,
        signal,
        stillPossible: () => {
          const end = started.end()
          if (end) throw new Error(end)
        },
      })
    } catch (cause) {
      await started.kill9()
      throw new Error(`Redis did not start in ${dir}.\nIts log ends with:\n${tailOf(logFile)}`, { cause })
    }
  }
  const stop = async () => running?.stop()

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop,
    kill9: async () => running?.kill9(),
    restart: async () => {
      await stop()
      await start()
    },
    pause: () => void running?.child.kill('SIGSTOP'),
    resume: () => void running?.child.kill('SIGCONT'),
  }
}

function settings(dir: string, port: number): string[] {
  const pairs = {
    bind: '127.0.0.1',
    port: String(port),
    dir,
    appendonly: 'yes',
    save: '',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  }
  return Object.entries(pairs).flatMap(([name, value]) => [`--${name}`, value])
}

/** A server that still reads its file answers PING with -LOADING, which is not ready. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 })
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', reply => {
      socket.destroy()
      resolve(reply.toString().startsWith('+PONG'))
    })
    socket.once('timeout', () => socket.destroy(new Error('no answer within 1 s')))
    socket.once('error', reject)
  })
}
