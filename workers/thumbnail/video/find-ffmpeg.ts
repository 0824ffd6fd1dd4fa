/**
 * Finds ffmpeg, once for a process, and how tightly it can be held on this machine. It is not part of the project: where it is
 * missing, videos are kept and played, and have no poster.
 *
 * What holds it, as far as the machine has it (all of util-linux): no network and none of our rights (unshare), an end together
 * with ours (setpriv), bounded memory and CPU time and no writing of files (prlimit).
 */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type Command, run } from './confined.js'

export interface Ffmpeg {
  readonly ffmpeg: Command
  readonly ffprobe: Command
  /** It has the filters that turn HDR into what every screen shows. */
  readonly mapsTones: boolean
  /** For operators: what holds it, e.g. 'unshare setpriv prlimit'. Empty on machines without util-linux. */
  readonly heldBy: string
}

/** Address space of one run. An 8K HEVC video was measured to hold 0.8 GB, and its libraries map 0.3 GB. */
const memoryBytes = 2 * 2 ** 30
/** CPU time of one run. A keyframe of an 8K video takes less than a second. */
const cpuSeconds = 10

const holders: Readonly<Record<string, readonly string[]>> = {
  unshare: ['--user', '--net', '--'],
  setpriv: ['--pdeathsig', 'KILL', '--no-new-privs', '--'],
  prlimit: [`--as=${memoryBytes}`, `--cpu=${cpuSeconds}`, '--fsize=0', '--core=0', '--nofile=64', '--'],
}

/** Containers often forbid namespaces, and other systems have none of these; the first row that works is taken. */
const ways = [['unshare', 'setpriv', 'prlimit'], ['setpriv', 'prlimit'], ['prlimit'], []] as const

/** `path` as in the environment. undefined: not there, or it doesn't run. Rejects with the signal's reason. */
export async function findFfmpeg(path: string | undefined, signal: AbortSignal): Promise<Ffmpeg | undefined> {
  const find = (name: string) => findProgram(path ?? '', name)
  const [ffmpeg, ffprobe] = [await find('ffmpeg'), await find('ffprobe')]
  if (ffmpeg === undefined || ffprobe === undefined) return undefined
  for (const way of ways) {
    const before = await prefix(way, find)
    if (before === undefined) continue
    const hold = (program: string): Command => [...before, program] as unknown as Command
    const found = { ffmpeg: hold(ffmpeg), ffprobe: hold(ffprobe), heldBy: way.join(' ') }
    const filters = await tryOut(found.ffmpeg, ['-v', 'error', '-filters'], signal)
    const version = await tryOut(found.ffprobe, ['-v', 'error', '-version'], signal)
    if (filters !== undefined && version !== undefined)
      return { ...found, mapsTones: / zscale /.test(filters) && / tonemap /.test(filters) }
  }
  return undefined
}

async function prefix(way: readonly string[], find: (name: string) => Promise<string | undefined>) {
  const before: string[] = []
  for (const name of way) {
    const program = await find(name)
    if (program === undefined) return undefined
    before.push(program, ...(holders[name] ?? []))
  }
  return before
}

const trialMs = 15_000

/** What it writes; undefined when it fails or hangs. */
async function tryOut(command: Command, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(trialMs)])
  try {
    const { isWell, output } = await run(command, args, { signal: either, outputBytesMax: 2 ** 20 })
    return isWell ? output.toString('latin1') : undefined
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** Only in folders by their whole path: what lies in the folder that somebody happens to stand in is not the machine's. */
async function findProgram(path: string, name: string): Promise<string | undefined> {
  for (const folder of path.split(':').filter(isAbsolute)) {
    const program = join(folder, name)
    const isProgram = await access(program, constants.X_OK).then(
      async () => (await stat(program)).isFile(),
      () => false,
    )
    if (isProgram) return program
  }
  return undefined
}
