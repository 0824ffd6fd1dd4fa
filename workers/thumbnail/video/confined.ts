/**
 * Runs a program on bytes that nobody vouches for. It gets an argument array and never a shell, no environment, no input, `/` as
 * its folder, and of our open files the one that is meant for it. It ends by SIGKILL when it is told to stop or writes too much.
 */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { AppError } from '../../../src/core/errors.js'

/** A program's path, after whatever confines it: each of these programs becomes the next one. */
export type Command = readonly [string, ...string[]]

/** A file as a confined program opens it. */
export interface ConfinedFile {
  readonly path: string
  /** An open descriptor of this process that the program has as its number 3; the path then says /dev/fd/3. */
  readonly fd?: number
}

export interface RunOptions {
  file?: ConfinedFile
  /** Ends the program; the rejection is its reason. */
  signal: AbortSignal
  outputBytesMax: number
}

export interface Ended {
  /** It ended by itself, with status 0. */
  readonly isWell: boolean
  /** What ended it otherwise: SIGKILL and SIGXCPU are how the system's limits end a program. */
  readonly killedBy: NodeJS.Signals | null
  readonly output: Buffer
  /** The first of what it said on stderr, in one line of printable ASCII. */
  readonly said: string
}

const saidBytesMax = 2_000
/** Behind the decoders of pictures, of which many more wait; not so far that a busy machine never comes to it. */
const niceness = 5

/** Resolves once it is gone. Rejects with the signal's reason, and with AppError `unavailable` when it can't be started. */
export async function run(command: Command, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { file, signal, outputBytesMax } = options
  signal.throwIfAborted()
  const [program, ...before] = command
  const child = spawn(program, [...before, ...args], {
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', ...(file?.fd === undefined ? [] : [file.fd])],
  })
  const output: Buffer[] = []
  const said: Buffer[] = []
  let outputBytes = 0
  let saidBytes = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    outputBytes += chunk.byteLength
    if (outputBytes <= outputBytesMax) output.push(chunk)
    else child.kill('SIGKILL')
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    // The rest is read and dropped: a program must not wait for somebody to listen.
    if (saidBytes < saidBytesMax) said.push(chunk)
    saidBytes += chunk.byteLength
  })
  const stop = () => child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    const end = await new Promise<{ status: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
      child.once('spawn', () => yieldTo(child.pid))
      child.once('error', cause => reject(notStarted(cause)))
      child.once('close', (status, killedBy) => resolve({ status, killedBy }))
    })
    signal.throwIfAborted()
    const ended = {
      isWell: end.status === 0 && outputBytes <= outputBytesMax,
      killedBy: end.killedBy,
      output: Buffer.concat(output),
      said: printable(Buffer.concat(said)),
    }
    if (outputBytes === 0 && neverBegan(end.status, ended.said)) throw notStarted(new Error(ended.said))
    return ended
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** A shell's statuses for what can't be run, which loaders use too; what confines a program says its own name when it fails. */
function neverBegan(status: number | null, said: string): boolean {
  return status === 126 || status === 127 || (status !== 0 && /^(unshare|setpriv|prlimit): /.test(said))
}

function notStarted(cause: unknown): AppError {
  return new AppError('unavailable', 'The program that reads videos could not be started', { cause })
}

function yieldTo(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness)
  } catch {
    // It has ended already, or may not be changed: both are no reason not to go on.
  }
}

/** A program repeats what it finds in a file; what isn't plain text could play with a terminal or forge a line of a log. */
function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, saidBytesMax).trim()
  return text.replace(/\s+/g, ' ').replace(/[^ -~]/g, byte => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
