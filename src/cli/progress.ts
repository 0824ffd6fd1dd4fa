/**
 * Shows how a push gets on: a bar on a terminal, a line every five seconds anywhere else. Writes to the stream it is given
 * (stderr: stdout is for the result) and holds one timer until `stop`.
 */
import { SingleBar } from 'cli-progress'
import type { PushTotals } from '../client/index.js'

export interface Progress {
  update(totals: Readonly<PushTotals>): void
  /** Says a line without breaking the bar. */
  say(line: string): void
  /** The same, to another stream that may be shown on the same terminal. */
  aside(stream: NodeJS.WritableStream, line: string): void
  /** Leaves the last state standing. */
  stop(): void
}

type Stream = NodeJS.WritableStream & { isTTY?: boolean }

const lineEveryMs = 5_000
/** The rate is that of the last so many milliseconds. */
const rateWindowMs = 10_000

export function showProgress(stream: Stream, nowMs: () => number = () => performance.now()): Progress {
  return stream.isTTY ? showBar(stream, nowMs) : showLines(stream, nowMs)
}

/** `quiet`: nothing but what is said. */
export function showNothing(stream: Stream): Progress {
  const aside = (other: NodeJS.WritableStream, line: string) => void other.write(`${line}\n`)
  return { update: () => {}, say: line => aside(stream, line), aside, stop: () => {} }
}

function showBar(stream: Stream, nowMs: () => number): Progress {
  const rate = makeRate(nowMs)
  const bar = new SingleBar({
    stream,
    format: '{bar} {text}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    fps: 8,
    emptyOnZero: true,
    // Ctrl-C belongs to the command: it ends the push, and the push stops the bar.
    gracefulExit: false,
  })
  bar.start(0, 0, { text: 'reading' })
  return {
    update(totals) {
      bar.setTotal(totals.bytes)
      bar.update(totals.bytesDone, { text: describe(totals, rate(totals.bytesDone)) })
    },
    say(line) {
      stream.write(`\r\u001b[K${line}\n`)
    },
    aside(other, line) {
      stream.write('\r\u001b[K')
      other.write(`${line}\n`)
    },
    stop() {
      bar.stop()
    },
  }
}

function showLines(stream: Stream, nowMs: () => number): Progress {
  const rate = makeRate(nowMs)
  let latest: Readonly<PushTotals> | undefined
  let written = ''
  const timer = setInterval(() => {
    if (!latest) return
    const line = describe(latest, rate(latest.bytesDone))
    // Where nothing happens for hours, nothing is said.
    if (line !== written) stream.write(`${line}\n`)
    written = line
  }, lineEveryMs)
  timer.unref()
  return {
    update(totals) {
      latest = totals
      rate(totals.bytesDone)
    },
    say(line) {
      stream.write(`${line}\n`)
    },
    aside(other, line) {
      other.write(`${line}\n`)
    },
    stop() {
      clearInterval(timer)
    },
  }
}

/** E.g. `120/1,000 files · 360/3,000 MB · 42.0 MB/s · 1 min left`. A `+` says that the folders aren't read to their end. */
export function describe(totals: Readonly<PushTotals>, bytesPerSecond: number): string {
  const { files, filesDone, bytes, bytesDone, foundAll, failed } = totals
  const more = foundAll ? '' : '+'
  const parts = [
    `${count(filesDone)}/${count(files)}${more} files`,
    `${megabytes(bytesDone)}/${megabytes(bytes)}${more} MB`,
    `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
  ]
  if (foundAll && bytesPerSecond > 0) parts.push(`${duration((bytes - bytesDone) / bytesPerSecond)} left`)
  if (failed > 0) parts.push(`${count(failed)} failed`)
  return parts.join(' · ')
}

/** `95` → `1 min 35 s`; from an hour on without seconds. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${count(Math.floor(whole / 3600))} h ${Math.floor((whole % 3600) / 60)} min`
}

export const count = (number: number): string => number.toLocaleString('en-US')

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)

/** Bytes per second over the last while, given the bytes so far at each call. */
function makeRate(nowMs: () => number): (bytes: number) => number {
  let samples = [{ ms: nowMs(), bytes: 0 }]
  return bytes => {
    const ms = nowMs()
    const last = samples.at(-1)
    if (!last || ms - last.ms >= 200) {
      samples = [...samples.filter(sample => ms - sample.ms <= rateWindowMs), { ms, bytes }]
    }
    const first = samples[0]
    return first && ms > first.ms ? Math.max(0, (bytes - first.bytes) / ((ms - first.ms) / 1000)) : 0
  }
}
