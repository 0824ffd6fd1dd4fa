/** What processes cost, as Linux tells it in /proc: CPU time and memory of those that we started. Reads /proc only. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'

/** Why nothing can be measured on this machine; undefined when it can. */
export function processCostMissing(): string | undefined {
  return existsSync('/proc/self/stat') ? undefined : 'Benches read the cost of processes from /proc: run them on Linux'
}

/** USER_HZ: what /proc counts in, the same on every architecture that Node runs on. */
const ticksPerSecond = 100

interface Stat {
  pid: number
  parent: number
  command: string
  /** CPU time of its own threads. */
  ownTicks: number
  /** Of its children that have ended. */
  endedTicks: number
}

/**
 * User and system time so far, in milliseconds, of each group: its processes, their living descendants and all of their
 * children that have ended.
 */
export function cpuMsOf(groups: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  const stats = readStats()
  return Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, familyMs(stats, pids)]))
}

function familyMs(stats: readonly Stat[], pids: readonly number[]): number {
  const family = familyOf(stats, pids)
  for (const pid of pids) if (!stats.some(stat => stat.pid === pid)) throw new Error(`process ${pid} has ended`)
  return stats.reduce((sum, stat) => (family.has(stat.pid) ? sum + ownMs(stat) + ticksToMs(stat.endedTicks) : sum), 0)
}

function familyOf(stats: readonly Stat[], pids: readonly number[]): Set<number> {
  const family = new Set(pids)
  // A parent may have a higher id than its child; a family this shallow is complete after as many passes as it has levels.
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const stat of stats) if (family.has(stat.parent)) family.add(stat.pid)
  }
  return family
}

/** The children of this process whose programs have one of these names. */
export function childrenRunning(...commands: string[]): number[] {
  return readStats()
    .filter(({ parent, command }) => parent === process.pid && commands.includes(command))
    .map(({ pid }) => pid)
}

function readStats(): Stat[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readStat(Number(name)))
    .filter(stat => stat !== undefined)
}

/** See proc_pid_stat(5). The command, field 2, is in brackets and may hold anything. */
function readStat(pid: number): Stat | undefined {
  const text = readOr(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  const commandEnd = text.lastIndexOf(')')
  const fields = text.slice(commandEnd + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  const [utime, stime, cutime, cstime] = [field(14), field(15), field(16), field(17)]
  const command = text.slice(text.indexOf('(') + 1, commandEnd)
  return { pid, parent: field(4), command, ownTicks: utime + stime, endedTicks: cutime + cstime }
}

/** By the scheduler's own account of each thread, in nanoseconds; a tick is more than a small upload costs Postgres. */
function ownMs({ pid, ownTicks }: Stat): number {
  try {
    const times = readdirSync(`/proc/${pid}/task`).map(thread => readOr(`/proc/${pid}/task/${thread}/schedstat`))
    const nanoseconds = times.reduce((sum, text) => sum + Number(text?.split(' ', 1)[0] ?? 0), 0)
    if (nanoseconds > 0) return nanoseconds / 1e6
  } catch {
    // It has just ended, or this kernel keeps no such account.
  }
  return ticksToMs(ownTicks)
}

const ticksToMs = (ticks: number): number => (ticks * 1_000) / ticksPerSecond

/** undefined when there is no such file, because the process has ended. */
function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** How many files and connections this process, and each that it starts, may have open. */
export function openFilesMax(): number {
  const text = /^Max open files\s+(\S+)/m.exec(readOr('/proc/self/limits') ?? '')?.[1]
  return text === undefined || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
}

/** Resident memory now, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return readStatus(pid, 'VmRSS')
}

const sampleMs = 20
/** Who belongs to a family is looked up once in so many samples. */
const familySamples = 50

/** Watches resident memory from now on; the returned function ends that and gives the peak in bytes. */
export async function watchPeak(pid: number): Promise<() => Promise<number>> {
  // Sets the peak that the kernel keeps (VmHWM) back to now. Where that isn't allowed, samples have to do.
  const exact = await writeFile(`/proc/${pid}/clear_refs`, '5').then(
    () => true,
    () => false,
  )
  let peakBytes = await residentBytes(pid)
  let ended = false
  const sample = async () => {
    while (!ended) {
      peakBytes = Math.max(peakBytes, await residentBytes(pid))
      await new Promise(resolve => setTimeout(resolve, sampleMs))
    }
  }
  const sampling = exact ? Promise.resolve() : sample()
  // Told by whoever asks for the peak; until then it's nobody's.
  sampling.catch(() => {})
  return async () => {
    ended = true
    await sampling
    return Math.max(peakBytes, await readStatus(pid, exact ? 'VmHWM' : 'VmRSS'))
  }
}

/**
 * Watches the memory of a process and its descendants together; the returned function ends that and gives the peak in bytes. The files
 * of the program and its libraries are the same in all of them, and count once: as many of their pages as the one has that has most.
 */
export function familyPeak(pid: number): () => number {
  let peakBytes = 0
  let family: ReadonlySet<number> = new Set()
  let samples = 0
  const sample = () => {
    // All of /proc is much to read: seldom enough to leave the processors to the work.
    if (samples++ % familySamples === 0) family = familyOf(readStats(), [pid])
    const members = [...family].map(memoryNow)
    const own = members.reduce((sum, { ownBytes }) => sum + ownBytes, 0)
    peakBytes = Math.max(peakBytes, own + Math.max(...members.map(({ fileBytes }) => fileBytes)))
  }
  const timer = setInterval(sample, sampleMs)
  return () => {
    clearInterval(timer)
    return peakBytes
  }
}

/** See proc_pid_statm(5); nothing for one that has just ended. `fileBytes` are pages of files and shared memory. */
function memoryNow(pid: number): { ownBytes: number; fileBytes: number } {
  const [, resident = 0, shared = 0] = readOr(`/proc/${pid}/statm`)?.split(' ').map(Number) ?? []
  return { ownBytes: (resident - shared) * pageBytes, fileBytes: shared * pageBytes }
}

/** On every machine that Node has builds for but some of ARM64, where memory is told too small. */
const pageBytes = 4_096

async function readStatus(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
  if (kibibytes === undefined) throw new Error(`process ${pid} has ended`)
  return Number(kibibytes) * 1024
}
