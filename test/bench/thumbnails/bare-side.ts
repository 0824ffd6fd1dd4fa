/** Starts bare.ts as a side of the bench. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { packageFolder } from '../../../src/core/package-folder.js'
import { atEnd } from '../../support/at-end.js'

export interface BareSide {
  pid: number
  work(times: number): Promise<void>
  stop(): Promise<void>
}

/** As many in flight as keep all cores busy while one of them waits. */
export async function startBare(how: 'cascade' | 'naive', dir: string, inFlight: number): Promise<BareSide> {
  const program = join(packageFolder, 'dist/test/bench/thumbnails/bare.js')
  const child = fork(program, [how, dir, String(inFlight)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const forget = atEnd(() => child.kill('SIGKILL'))
  const heard = async () => {
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the side ${how} ended`)))
    await Promise.race([once(child, 'message'), ended])
  }
  await heard()
  return {
    pid: child.pid as number,
    work: async times => {
      const done = heard()
      child.send(times)
      await done
    },
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      forget()
    },
  }
}
