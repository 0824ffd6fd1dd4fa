/** What a process costs, as Linux tells it in /proc: CPU time and memory of one that we started. Reads /proc only. */
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'

/** Why nothing can be measured on this machine; undefined when it can. */
export function processCostMissing(): string | undefined {
  return existsSync('/proc/self/stat') ? undefined : 'Benches read the cost of processes from /proc: run them on Linux'
}

/** USER_HZ: what /proc counts in, the same on every architecture that Node runs on. */
const ticksPerSecond = 100

interface Stat {
  pid: number
  parent: number
  ticks: number
}

/** User and system time so far of the process, its living descendants and all of their children that have ended. */
export async function cpuMs(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const stats = (await Promise.all(pids.map(readStat))).filter(stat => stat !== undefined)
  const family = new Set([pid])
  // A parent may have a higher id than its child; a family this shallow is complete after as many passes as it has levels.
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const stat of stats) if (family.has(stat.parent)) family.add(stat.pid)
  }
  if (!stats.some(stat => stat.pid === pid)) throw new Error(`process ${pid} has ended`)
  const ticks = stats.reduce((sum, stat) => (family.has(stat.pid) ? sum + stat.ticks : sum), 0)
  return (ticks * 1_000) / ticksPerSecond
}

/** See proc_pid_stat(5). The command, field 2, is in brackets and may hold anything. */
async function readStat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  const [utime, stime, cutime, cstime] = [field(14), field(15), field(16), field(17)]
  return { pid, parent: field(4), ticks: utime + stime + cutime + cstime }
}

/** Resident memory now, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return readStatus(pid, 'VmRSS')
}

const sampleMs = 20

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

async function readStatus(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
  if (kibibytes === undefined) throw new Error(`process ${pid} has ended`)
  return Number(kibibytes) * 1024
}
