/** The goal: a watch that ends well says so: what failed for a while, or is gone since, is no failure in the end. */
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { PushOptions, PushTotals } from '../../src/client/index.js'
import { waitUntil } from '../support/wait-until.js'
import { problem } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const deadlineMs = 30_000

function startWatch(more: Partial<PushOptions> = {}) {
  const stop = new AbortController()
  const failed: string[] = []
  let totals: Readonly<PushTotals> | undefined
  const onProgress: PushOptions['onProgress'] = event => {
    if ('totals' in event) totals = event.totals
    if (event.kind === 'file' && event.file.outcome === 'failed') failed.push(event.file.file)
  }
  const ended = scene.push({ watch: { restMs: 50, rescanMs: 200 }, signal: stop.signal, onProgress, ...more })
  const until = (what: string, probe: () => boolean) => waitUntil(async () => probe(), { what, deadlineMs })
  return {
    end() {
      stop.abort()
      return ended
    },
    untilFailed: (name: string, times = 1) =>
      until(`${name} has failed`, () => failed.filter(file => file === name).length >= times),
    untilFailuresAre: (count: number) => until(`${count} failures are left`, () => totals?.failed === count),
    untilStored: (count: number) => until(`${count} are stored`, () => totals?.stored === count),
  }
}

/** Root may read every folder, so root is somebody else meanwhile. */
function asOrdinaryUser() {
  if (process.geteuid?.() !== 0) return () => {}
  process.seteuid?.(65_534)
  const back = () => void process.seteuid?.(0)
  onTestFinished(back)
  return back
}

test('a folder that could not be read for a while is told each time, and is no failure once it is read', async () => {
  await chmod(scene.folder, 0o755)
  await scene.write('closed/b.jpg', content(1, 100))
  await chmod(join(scene.folder, 'closed'), 0)
  const back = asOrdinaryUser()
  const watch = startWatch()
  await watch.untilFailed('closed')
  back()
  await chmod(join(scene.folder, 'closed'), 0o755)
  await watch.untilStored(1)
  await watch.untilFailuresAre(0)
  await chmod(join(scene.folder, 'closed'), 0)
  asOrdinaryUser()
  await watch.untilFailed('closed', 2)
  back()
  await chmod(join(scene.folder, 'closed'), 0o755)
  await watch.untilFailuresAre(0)
  expect(await watch.end()).toMatchObject({ stored: 1, failures: 0, failed: [] })
})

test.each([
  ['its folder looked at because something changed', 3600_000],
  ['everything looked at', 200],
])('a file that failed and was deleted since is none, with %s', async (_, rescanMs) => {
  scene.server.instead = request => (request === 'POST /v1/uploads' ? problem(400, 'invalid', 'Not these') : undefined)
  await scene.write('a.jpg', content(2, 100))
  await scene.write('sub/b.jpg', content(3, 100))
  await scene.write('stays.jpg', content(4, 100))
  const watch = startWatch({ watch: { restMs: 50, rescanMs } })
  for (const name of ['a.jpg', 'sub/b.jpg', 'stays.jpg']) await watch.untilFailed(name)
  await rm(join(scene.folder, 'a.jpg'))
  await rm(join(scene.folder, 'sub'), { recursive: true })
  scene.server.instead = () => undefined
  await scene.write('new.jpg', content(5, 100))
  await watch.untilStored(rescanMs > 1_000 ? 1 : 2)
  await watch.untilFailuresAre(rescanMs > 1_000 ? 1 : 0)
  const { failed } = await watch.end()
  expect(failed.map(({ file }) => file)).toEqual(rescanMs > 1_000 ? ['stays.jpg'] : [])
})

test('a name that is no UTF-8 and is set right is none', async () => {
  const name = Buffer.concat([Buffer.from(`${scene.folder}/a`), Buffer.from([0xff]), Buffer.from('.jpg')])
  await writeFile(name, content(6, 100))
  const watch = startWatch()
  await watch.untilFailed('a\ufffd.jpg')
  await rename(name, join(scene.folder, 'a.jpg'))
  await watch.untilStored(1)
  await watch.untilFailuresAre(0)
  expect(await watch.end()).toMatchObject({ stored: 1, failures: 0 })
})

test('what a walk of somebody else’s told is theirs', async () => {
  await mkdir(join(scene.folder, 'gallery'))
  const gallery = [{ kind: 'unreadable', name: 'elsewhere.jpg', reason: 'is on another disk' }] as const
  const watch = startWatch({ gallery })
  await watch.untilFailed('elsewhere.jpg')
  await scene.write('a.jpg', content(7, 100))
  await watch.untilStored(1)
  expect(await watch.end()).toMatchObject({ stored: 1, failed: [{ file: 'elsewhere.jpg' }] })
})
