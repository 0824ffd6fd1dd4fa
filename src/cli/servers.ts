/** `photosync api` and `photosync worker`: one process each, configured by the environment (README lists the variables). */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageFolder } from '../core/package-folder.js'
import { type CommandIo, exitStatus } from './exit.js'

export const workerProgram = join(packageFolder, 'dist/workers/main.js')
export const apiProgram = join(packageFolder, 'dist/src/main.js')

export const apiCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  runServer('api', apiProgram, args, io)

export const workerCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  runServer('worker', workerProgram, args, io)

/** Runs it as a child with our own streams, passes signals on, and ends as it ends. */
async function runServer(
  name: string,
  program: string,
  args: readonly string[],
  { stdout, stderr, env }: CommandIo,
): Promise<number> {
  if (args.length > 0) {
    const asked = args[0] === '--help' || args[0] === '-h'
    const text = `photosync ${name} takes no arguments: the environment says everything, as README lists it\n`
    if (asked) stdout.write(text)
    else stderr.write(text)
    return asked ? exitStatus.ok : exitStatus.usage
  }
  const child = spawn(process.execPath, ['--enable-source-maps', program], { stdio: 'inherit', env: { ...env } })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? (signal ? 128 + 9 : exitStatus.failed)))
  })
}
