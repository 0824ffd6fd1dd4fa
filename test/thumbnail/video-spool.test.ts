/** Goal: a spooled video is whole for whoever reads it, nobody else's to read, and leaves nothing behind. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../workers/thumbnail/video/confined.js'
import { openSpool } from '../../workers/thumbnail/video/spool.js'

const { signal } = new AbortController()
let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'photosync-spool-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

test.runIf(process.platform === 'linux')(
  'has no name from the start, and is read from its start every time',
  async () => {
    const spool = await openSpool({ dir, sizeBytes: 9 })
    expect(await readdir(dir)).toEqual([])
    for (const word of ['one', 'two', 'six']) await spool.write(Buffer.from(word))
    for (let time = 0; time < 2; time++) {
      const { output } = await run(['/bin/cat'], [spool.file.path], { file: spool.file, signal, outputBytesMax: 100 })
      expect(output.toString()).toBe('onetwosix')
    }
    await spool.remove()
    await spool.remove()
    await expect(spool.write(Buffer.from('late'))).rejects.toMatchObject({ kind: 'unavailable' })
  },
)

test('with a name, it is ours alone, and goes with its folder', async () => {
  const spool = await openSpool({ dir, sizeBytes: 3, isNamed: true })
  await spool.write(Buffer.from('one'))
  const { path } = spool.file
  expect(await readFile(path, 'utf8')).toBe('one')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
  await spool.remove()
  expect(await readdir(dir)).toEqual([])
})

test('with a name, what a killed process left is removed a day later, and nothing else is', async () => {
  const names = ['photosync-video-old', 'photosync-video-new', 'somebody-else']
  for (const name of names) {
    await mkdir(join(dir, name))
    await writeFile(join(dir, name, 'video'), 'film')
  }
  const twoDaysAgo = new Date(Date.now() - 48 * 3600_000)
  for (const name of ['photosync-video-old', 'somebody-else']) await utimes(join(dir, name), twoDaysAgo, twoDaysAgo)
  const spool = await openSpool({ dir, sizeBytes: 3, isNamed: true })
  await spool.remove()
  expect((await readdir(dir)).sort()).toEqual(['photosync-video-new', 'somebody-else'])
})

test('no room, or no folder, is not the video’s fault', async () => {
  const { blocks, bsize } = await statfs(dir)
  // All that there is, of which somebody has some.
  const sizeBytes = blocks * bsize - 256 * 2 ** 20
  await expect(openSpool({ dir, sizeBytes })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('no room'),
  })
  await expect(openSpool({ dir, sizeBytes: 2 ** 60 })).rejects.toMatchObject({ kind: 'too_large' })
  expect(await readdir(dir)).toEqual([])
  await expect(openSpool({ dir: join(dir, 'nowhere'), sizeBytes: 1 })).rejects.toMatchObject({ kind: 'unavailable' })
})
