/**
 * `npm run demo`: the whole service on one machine, from nothing but npm, doing what it is for: two handsets push a gallery
 * into their owner's region, workers make thumbnails and find copies, and the gallery shows them.
 */
import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { inheritedEnvironment, startedByNpm } from '../../config.js'
import { AppError } from '../../core/errors.js'
import { packageFolder } from '../../core/package-folder.js'
import { type CommandIo, exitStatus, runCommand } from '../exit.js'
import { openFolder } from './folder.js'
import { type DemoOptions, demoUsage, readOptions } from './options.js'
import { type DemoPerson, makePeople } from './people.js'
import { choosePorts, freePorts } from './ports.js'
import { type Dealt, deal, pushAll, untilWorkIsDone } from './pushes.js'
import { describeReport, makeReport } from './report.js'
import { startService } from './service.js'

/** Of each region's person. */
const handsets = [['phone', 'tablet'], ['phone']] as const

export function demoCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const options = readOptions(args)
    if (options === 'help') {
      io.stdout.write(demoUsage)
      return exitStatus.ok
    }
    const signal = AbortSignal.any([io.signal, parentGone()])
    const say = (line: string) => void io.stderr.write(`${line}\n`)
    if (options.photos !== undefined) await requireFolder(options.photos)
    const ports = await choosePorts(options.port)
    const folder = await openFolder(options.data)
    try {
      say('Starting two regions: Postgres, buckets, API and workers')
      const start = (on: typeof ports) => startService({ folder: folder.path, ports: on, say, signal })
      const service = await start(ports)
        // Another demo may have been quicker to take the usual ports.
        .catch(error =>
          options.port === undefined && !signal.aborted ? freePorts().then(start) : Promise.reject(error),
        )
        .catch(async error => {
          await folder.undo()
          throw error
        })
      try {
        const people = await makePeople(folder.path, service.regions, handsets)
        await run(options, folder.path, people, { ...io, signal })
        if (!options.once) await untilStopped(signal, say)
      } finally {
        await service.stop()
      }
    } finally {
      await folder.close()
    }
    return exitStatus.ok
  }, io)
}

async function run(options: DemoOptions, folder: string, people: readonly DemoPerson[], io: CommandIo): Promise<void> {
  const say = (line: string) => void io.stderr.write(`${line}\n`)
  const dealt = await prepareGalleries(options.photos, folder, people, io.signal)
  const pushing = dealt.flatMap(({ handsets }) => handsets)
  if (pushing.length === 0) say('There are no pictures or videos to push')
  else say(`Pushing ${pushing.reduce((sum, { files }) => sum + files.length, 0)} files from ${pushing.length} handsets`)
  const startedMs = performance.now()
  const pushes = await pushAll(pushing, io.stderr, io.signal)
  await untilWorkIsDone(people, say, io.signal)
  const report = await makeReport(people, dealt, pushes, (performance.now() - startedMs) / 1_000, io.signal)
  const out = options.json ? io.stderr : io.stdout
  out.write(describeReport(report, people))
  if (options.json) io.stdout.write(`${JSON.stringify(report)}\n`)
}

/** A folder of the user's goes to the first person. The sample has a gallery for each: one of a whole year, one of a trip. */
async function prepareGalleries(
  photos: string | undefined,
  folder: string,
  people: readonly DemoPerson[],
  signal: AbortSignal,
): Promise<Dealt[]> {
  const [first, second] = people
  if (!first || !second) throw new Error('the demo has two people')
  if (photos !== undefined) return [await deal(resolve(photos), first)]
  const year = join(folder, 'gallery', 'year')
  const trip = join(folder, 'gallery', 'trip')
  await drawGallery([year], signal)
  await drawGallery([trip, '--photos', '8', '--seed', '2', '--plain'], signal)
  return [await deal(year, first), await deal(trip, second)]
}

/** Drawn by a process of its own: it is a program of the fixtures, and drawing needs what workers forbid themselves. */
async function drawGallery(args: readonly string[], signal: AbortSignal): Promise<void> {
  const program = join(packageFolder, 'dist/fixtures/make-gallery.js')
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: inheritedEnvironment(),
    signal,
  })
  const code = await new Promise<number | null>((resolveCode, reject) => {
    child.once('error', reject)
    child.once('exit', resolveCode)
  })
  if (code !== 0) throw new AppError('unavailable', 'The sample gallery could not be drawn')
}

async function requireFolder(path: string): Promise<void> {
  const facts = await stat(path).catch(() => undefined)
  if (!facts?.isDirectory())
    throw new AppError('not_found', `${path} is not a folder. Name a folder of pictures with --photos`)
}

async function untilStopped(signal: AbortSignal, say: (line: string) => void): Promise<void> {
  say('Ctrl-C ends it.')
  if (!signal.aborted) await new Promise(stopped => signal.addEventListener('abort', stopped, { once: true }))
  say('Stopping')
}

/** npm passes no signal on to what it runs through a shell: when it is gone, so is whoever wanted this. */
function parentGone(): AbortSignal {
  const gone = new AbortController()
  if (startedByNpm()) {
    const parent = process.ppid
    setInterval(() => {
      if (process.ppid !== parent) gone.abort(new Error('npm is gone'))
    }, 1_000).unref()
  }
  return gone.signal
}
