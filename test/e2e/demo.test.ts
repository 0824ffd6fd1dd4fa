/**
 * Goal: the demo does what the README says of it: every file accounted for, a second run on the same data sends nothing, and
 * Ctrl-C, also when it comes twice as from a terminal through npm, leaves nothing running and nothing behind.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrawnFile, drawGallery } from '../../fixtures/draw-gallery.js'
import type { DemoReport } from '../../src/cli/demo/report.js'
import { freePort, spawnNode } from '../support/services.js'

let folder: string
let photos: string
let drawn: DrawnFile[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photosync-demo-test-'))
  photos = join(folder, 'photos')
  drawn = await drawGallery(photos, { photos: 8, megapixels: 1 })
  await mkdir(join(photos, 'notes'))
  await writeFile(join(photos, 'notes', 'read me.txt'), 'no picture')
  await writeFile(
    Buffer.concat([Buffer.from(`${photos}/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]),
    'a name in Latin-1',
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Ends in a folder of temporary files of its own, so that what is left there is seen. */
async function demo(args: string[]) {
  const temporary = await mkdtemp(join(folder, 'tmp-'))
  const env = { TMPDIR: temporary }
  const run = await spawnNode('dist/src/cli/main.js', {
    args: ['demo', '--port', String(await freePort()), ...args],
    env,
  })
  return { run, temporary }
}

test('once, and once more on the same data', { timeout: 120_000 }, async () => {
  const args = ['--once', '--json', '--photos', photos, '--data', join(folder, 'data')]
  const reports: DemoReport[] = []
  for (let time = 1; time <= 2; time++) {
    const { run, temporary } = await demo(args)
    await run.endsWith(0, 60_000)
    const lines = run.stdout().trim().split('\n')
    expect(lines).toHaveLength(1)
    reports.push(JSON.parse(lines[0] ?? '') as DemoReport)
    expect(await readdir(temporary)).toEqual([])
  }
  const copies = drawn.filter(({ copyOf }) => copyOf).length
  const corrupt = drawn.filter(file => file.corrupt).length
  const animations = drawn.filter(({ mediaType, copyOf }) => mediaType === 'image/gif' && !copyOf).length
  for (const report of reports) {
    expect(report).toMatchObject({
      files: drawn.length,
      photos: drawn.length - copies,
      duplicates: copies,
      // What moves has a small moving one besides.
      thumbnails: 2 * (drawn.length - copies - corrupt) + animations,
      skipped: ['notes/read me.txt'],
      regions: [{ id: 'ap-southeast-1' }, { id: 'us-west-2' }],
    })
    expect(report.unreadable.map(({ file }) => file)).toEqual(
      ['caf\ufffd.jpg', ...drawn.flatMap(file => (file.corrupt ? file.path : []))].sort(),
    )
    expect(report.unreadable.every(({ reason }) => reason.length > 0)).toBe(true)
    expect(report.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sign-in#link=/)
  }
  expect(reports[0]?.bytes).toBeGreaterThan(0)
  expect(reports[1]?.bytes).toBe(0)
  expect(reports[1]?.regions.map(({ deviceToken }) => deviceToken)).toEqual(
    reports[0]?.regions.map(({ deviceToken }) => deviceToken),
  )
})

test.each([
  ['while it stays up', /Ctrl-C ends it/, 0],
  ['in the middle of its work', /Pushing \d+ files/, 130],
])('Ctrl-C, twice, %s', { timeout: 120_000 }, async (_, when, status) => {
  const { run, temporary } = await demo(['--photos', photos])
  await run.waitForLine(when, 60_000)
  process.kill(run.pid, 'SIGINT')
  await sleep(60)
  process.kill(run.pid, 'SIGINT')
  await run.endsWith(status, 30_000)
  expect(await readdir(temporary)).toEqual([])
  expect(await processesOn(temporary)).toEqual([])
})

test('one that was killed is cleared away by the next', { timeout: 120_000 }, async () => {
  const { run, temporary } = await demo(['--photos', photos])
  await run.waitForLine(/Ctrl-C ends it/, 60_000)
  await run.kill9()
  expect(await readdir(temporary)).toHaveLength(1)
  const args = ['demo', '--once', '--port', String(await freePort()), '--photos', photos]
  const next = await spawnNode('dist/src/cli/main.js', { args, env: { TMPDIR: temporary } })
  await next.endsWith(0, 60_000)
  expect(await readdir(temporary)).toEqual([])
  expect(await processesOn(temporary)).toEqual([])
})

/** Where /proc tells: command lines that name the folder. */
async function processesOn(path: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc').catch(() => [] as string[])) {
    if (!/^\d+$/.test(pid)) continue
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (command.includes(path)) found.push(command)
  }
  return found
}
