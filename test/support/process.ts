/**
 * Processes that tests start: each one's output goes to a file or to whoever listens, each is ended by its id, and none
 * outlives this process, however that ends (short of SIGKILL).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atEnd } from './at-end.js'

export interface ProcessOptions {
  command: string
  args: readonly string[]
  /** The whole environment, but for PATH, HOME and TMPDIR, which are this process's. */
  env?: Readonly<Record<string, string>>
  /** Standard output and error are appended here; without it they are pipes of `child`. */
  logFile?: string
}

export interface RunningProcess {
  pid: number
  child: ChildProcess
  /** Settles with how it ended, in words; never rejects. */
  ended: Promise<string>
  /** How it ended, or undefined while it runs. */
  end(): string | undefined
  /** Ends it as a crash would (SIGKILL) and waits until it is gone. */
  kill9(): Promise<void>
  /** SIGTERM, then SIGKILL when it is not gone by the deadline. */
  stop(deadlineMs?: number): Promise<void>
}

export async function startProcess({ command, args, env = {}, logFile }: ProcessOptions): Promise<RunningProcess> {
  const log = logFile === undefined ? undefined : openSync(logFile, 'a')
  const output = log ?? 'pipe'
  const child = spawn(command, args, { env: { ...ownEnvironment(), ...env }, stdio: ['ignore', output, output] })
  if (log !== undefined) closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', cause => reject(new Error(`${command} could not be started`, { cause })))
  })
  const forget = atEnd(() => child.kill('SIGKILL'))
  let end: string | undefined
  const ended = new Promise<string>(resolve => {
    child.once('close', (code, signal) => {
      forget()
      end = `${command} ended ${signal ? `by ${signal}` : `with status ${code}`}`
      resolve(end)
    })
  })
  const finish = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await ended
  }
  return {
    pid: child.pid as number,
    child,
    ended,
    end: () => end,
    kill9: () => finish('SIGKILL'),
    stop: async (deadlineMs = 10_000) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
      await finish('SIGTERM')
      clearTimeout(timer)
    },
  }
}

export interface RunOptions extends Omit<ProcessOptions, 'logFile'> {
  /** Ends it when aborted. */
  signal?: AbortSignal | undefined
}

/** Runs a command that ends by itself; returns its standard output. The error holds what it said. */
export async function runToEnd({ command, args, env = {}, signal }: RunOptions, deadlineMs: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, {
      env: { ...ownEnvironment(), ...env },
      ...(signal && { signal }),
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  } catch (cause) {
    throw new Error(`${command} ${args.join(' ')} failed or took more than ${deadlineMs} ms`, { cause })
  }
}

/** The path of the first of these commands that is in PATH; undefined when none is. */
export function findCommand(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(':')
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder || '.', name)
      if (isExecutable(path)) return path
    }
  }
  return undefined
}

/** The last lines of a log, for an error that has to say why something did not start. */
export function tailOf(logFile: string, lines = 12): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}

function ownEnvironment(): Record<string, string> {
  const own: Record<string, string> = {}
  for (const name of ['PATH', 'HOME', 'TMPDIR']) {
    const value = process.env[name]
    if (value !== undefined) own[name] = value
  }
  return own
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
