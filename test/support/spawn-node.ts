/** The project's own programs as processes, so that tests can kill and restart them like the real ones. */
import { type RunningProcess, startProcess } from './process.js'

export interface NodeProcess {
  pid: number
  /** Everything it has written so far, standard output and error as they came. */
  output(): string
  /** Standard output alone. */
  stdout(): string
  /** The first line of its output, past or to come, that matches; rejects when it ends or the deadline passes first. */
  waitForLine(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray>
  /** Its exit status once it ended by itself; null when a signal ended it. Rejects at the deadline. */
  exited(deadlineMs: number): Promise<number | null>
  /** Waits until it ended with this status; rejects, with what it wrote, when it ends otherwise or not by the deadline. */
  endsWith(status: number, deadlineMs: number): Promise<void>
  /** SIGKILL, and waits until it is gone. */
  kill9(): Promise<void>
  /** SIGTERM, then SIGKILL when it is not gone by the deadline. */
  stop(deadlineMs?: number): Promise<void>
}

export interface SpawnOptions {
  /** For Node itself. */
  nodeFlags?: readonly string[]
  args?: readonly string[]
  /** The whole environment, but for PATH, HOME and TMPDIR, which are this process's. */
  env?: Readonly<Record<string, string>>
}

export async function spawnNode(
  script: string,
  { nodeFlags = [], args = [], env = {} }: SpawnOptions = {},
): Promise<NodeProcess> {
  const running = await startProcess({ command: process.execPath, args: [...nodeFlags, script, ...args], env })
  const written = listen(running)
  const exited = async (deadlineMs: number) => {
    await within(deadlineMs, running.ended, () => `process ${running.pid} (${script}) still runs. ${said(written)}`)
    return running.child.exitCode
  }
  return {
    pid: running.pid,
    output: () => written.both,
    stdout: () => written.stdout,
    waitForLine: (pattern, deadlineMs) => waitForLine(running, written, pattern, deadlineMs),
    exited,
    endsWith: async (status, deadlineMs) => {
      const code = await exited(deadlineMs)
      if (code === status) return
      throw new Error(`process ${running.pid} (${script}) ended with ${code}, not ${status}. ${said(written)}`)
    },
    kill9: running.kill9,
    stop: running.stop,
  }
}

interface Written {
  both: string
  stdout: string
}

function listen({ child }: RunningProcess): Written {
  const written: Written = { both: '', stdout: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text
    written.both += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    written.both += text
  })
  return written
}

function waitForLine(
  { child, ended }: RunningProcess,
  written: Written,
  pattern: RegExp,
  deadlineMs: number,
): Promise<RegExpExecArray> {
  const found = new Promise<RegExpExecArray>((resolve, reject) => {
    const look = () => {
      for (const line of written.both.split('\n')) {
        const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(line)
        if (match) return resolve(match)
      }
    }
    look()
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    void ended.then(end => reject(new Error(`${end} before a line like ${pattern}. ${said(written)}`)))
  })
  return within(deadlineMs, found, () => `no line like ${pattern}. ${said(written)}`)
}

async function within<T>(deadlineMs: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`After ${deadlineMs} ms: ${what()}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function said({ both }: Written): string {
  return both === '' ? 'It wrote nothing.' : `It wrote, at the end:\n${both.slice(-4_000)}`
}
