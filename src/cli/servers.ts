/** `photosync api` and `photosync worker`: one process each, configured by the environment (README lists the variables). */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../core/package-folder.js'
import { type CommandIo, exitStatus } from './exit.js'

export const workerProgram = join(packageFolder, 'dist/workers/main.js')
export const apiProgram = join(packageFolder, 'dist/src/main.js')

/**
 * What Node is told for them, as main.ts's first line does; at the start only, since V8 can crash when its collector is told later.
 * Bodies of uploads aren't in V8's young generation, so it need not be large: 30 MB less for a server, at the same speed. They do
 * count as memory outside of its heap, and their coming and going keeps incremental marking busy without end: measured, its
 * threads take as much CPU as the uploads themselves. Marking all at once takes some tens of milliseconds now and then, and gives
 * memory back sooner.
 */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=2', '--no-incremental-marking']

export const apiCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  become('api', apiProgram, args, io)

export const workerCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  become('worker', workerProgram, args, io)

/**
 * This process becomes that program, so that whoever started it holds the server itself by its process id. It sets its own
 * signal handlers and ends the process in its own time; the status is that of a start that was tried.
 */
async function become(name: string, program: string, args: readonly string[], io: CommandIo): Promise<number> {
  if (args.length > 0) {
    const asked = args[0] === '--help' || args[0] === '-h'
    const out = asked ? io.stdout : io.stderr
    out.write(`photosync ${name} takes no arguments: the environment says everything, as README lists it\n`)
    return asked ? exitStatus.ok : exitStatus.usage
  }
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(program).href)
  return exitStatus.ok
}
