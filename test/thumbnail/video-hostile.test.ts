/**
 * Goal: a video can't make ffmpeg read another file, reach the network, take what isn't given to it, or keep a worker busy; and
 * whatever it does to ffmpeg is told in words, or isn't the video's fault and says so.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Command, run } from '../../workers/thumbnail/video/confined.js'
import { readVideo } from '../../workers/thumbnail/video/ffmpeg.js'
import { type Ffmpeg, findFfmpeg } from '../../workers/thumbnail/video/find-ffmpeg.js'
import { describeWith, spawnNode } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { corners } from './drawing.js'
import { apart, contentOf, film, plain, readQuarters, ffmpeg as runFfmpeg } from './video-drawing.js'

const now = new Date('2026-06-01T12:00:00Z')
const { signal } = new AbortController()
const { red } = corners
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'photosync-film-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describeWith('ffmpeg', 'a hostile video', () => {
  let ffmpeg: Ffmpeg | undefined
  /** What must not be seen: a red film beside the one that is read. */
  let secret = ''
  beforeAll(async () => {
    ffmpeg = await findFfmpeg(process.env.PATH, signal)
    secret = join(dir, 'secret.mov')
    await film(dir, 'secret.mov', plain('red', 1), '-c:v', 'rawvideo', '-pix_fmt', 'uyvy422')
  })
  const look = (path: string, name: string, timeoutMs?: number) =>
    readVideo({ path }, { name }, { ffmpeg, signal, now, ...(timeoutMs !== undefined && { timeoutMs }) })
  const colourOf = async (path: string) => apart(await readQuarters(await readFile(path)), [red])

  const lists = {
    'a playlist': () => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:${secret}\n#EXT-X-ENDLIST\n`,
    'a list of files': () => `ffconcat version 1.0\nfile '${secret}'\n`,
  }
  test.each(Object.entries(lists))('%s reads no other file, whatever it is taken for', async (_, write) => {
    const path = join(dir, 'list.mp4')
    await writeFile(path, write())
    for (const name of ['mp4', 'mov', '3gp', 'webm', 'mkv', 'avi'])
      expect(await look(path, name)).toMatchObject({ poster: null, width: null })
  })

  test('left to guess, ffmpeg would have read it', async () => {
    const path = join(dir, 'list.ffconcat')
    await writeFile(path, lists['a list of files']())
    await runFfmpeg('-safe', '0', '-i', path, '-frames:v', '1', join(dir, 'list.png'))
    expect(await colourOf(join(dir, 'list.png'))).toBeLessThan(9)
  })

  test('one whose pictures are said to be in another file shows nothing of it', async () => {
    const own = await film(dir, 'own.mov', plain('blue', 1), '-c:v', 'rawvideo', '-pix_fmt', 'uyvy422')
    const path = join(dir, 'refers.mov')
    await writeFile(path, referTo(own, secret))
    const found = await look(path, 'mov')
    expect(found).toMatchObject({ poster: null, width: 320, reason: "The video's picture data is damaged" })

    // Told to follow the reference, it does: the file is what it is meant to be.
    const follow = ['-enable_drefs', '1', '-use_absolute_path', '1']
    await runFfmpeg(...follow, '-i', path, '-frames:v', '1', join(dir, 'followed.png'))
    expect(await colourOf(join(dir, 'followed.png'))).toBeLessThan(9)
  })

  test.each([
    [12_000, 8_000, '12000 × 8000 pixels are more than the limit of 35 megapixels for a video'],
    [60_000, 60_000, 'The video does not say how large its pictures are, or says what cannot be'],
  ])('a claim of %i × %i is looked at before anything is decoded', async (width, height, reason) => {
    const video = await readFile(secret)
    const entry = contentOf(video, 'stsd') + 8
    video.writeUInt16BE(width, entry + 32)
    video.writeUInt16BE(height, entry + 34)
    const path = join(dir, 'huge.mov')
    await writeFile(path, video)
    expect(await look(path, 'mov')).toMatchObject({ poster: null, reason })
  })

  test('bytes turned at random crash nothing here, and each file has a poster or a reason', async () => {
    const video = await film(dir, 'sane.mp4', plain('red', 1), '-c:v', 'mpeg4')
    const path = join(dir, 'turned.mp4')
    let state = 7
    const random = (below: number) => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    for (let round = 0; round < 12; round++) {
      const broken = Buffer.from(video)
      for (let n = 0; n < 40; n++) broken[random(broken.byteLength)] = random(256)
      await writeFile(path, broken)
      const { poster, reason } = await look(path, 'mp4')
      expect(poster === null).toBe(reason !== null)
    }
  })

  test('a kind that is no video is not opened', async () => {
    for (const name of ['hls', 'constructor', 'jpeg'])
      expect(await look(secret, name)).toMatchObject({
        poster: null,
        reason: expect.stringContaining('no video of a kind'),
      })
  })

  test('too long is a reason, and being told to stop a rejection', async () => {
    expect(await look(secret, 'mov', 1)).toMatchObject({ reason: 'The video could not be read in 1 seconds' })
    const stop = new AbortController()
    const reading = readVideo({ path: secret }, { name: 'mov' }, { ffmpeg, signal: stop.signal, now })
    stop.abort(new Error('the worker ends'))
    await expect(reading).rejects.toThrow('the worker ends')
  })

  describe('what holds ffmpeg', () => {
    /** Another program in its place. */
    const inPlace = (...program: string[]) => [...(ffmpeg?.ffmpeg.slice(0, -1) ?? []), ...program] as unknown as Command
    const held = (name: string) => ffmpeg?.heldBy.split(' ').includes(name) === true

    test('memory, time and files', async context => {
      context.skip(!held('prlimit'), 'there is no prlimit here')
      const { output } = await run(inPlace('/bin/sh'), ['-c', 'ulimit -v; ulimit -t; ulimit -f; ulimit -c'], {
        signal,
        outputBytesMax: 100,
      })
      expect(output.toString().trim().split('\n')).toEqual(['2097152', '10', '0', '0'])
    })

    test('no network', async context => {
      context.skip(!held('unshare'), 'namespaces are not allowed here')
      const { output } = await run(inPlace('/bin/cat'), ['/proc/net/dev'], { signal, outputBytesMax: 10_000 })
      expect(output.toString().match(/^ *\w+:/gm)).toEqual([expect.stringContaining('lo:')])
    })

    test('it ends with the worker, killed or not', async context => {
      context.skip(!held('setpriv'), 'there is no setpriv here')
      const script = join(dir, 'worker.mjs')
      const [program, ...before] = inPlace('/bin/sleep')
      await writeFile(
        script,
        `import { spawn } from 'node:child_process'
        const child = spawn(${JSON.stringify(program)}, ${JSON.stringify([...before, '600'])}, { stdio: 'ignore' })
        console.log('child', child.pid)
        setInterval(() => {}, 1000)`,
      )
      const worker = await spawnNode(script)
      const [, pid] = await worker.waitForLine(/^child (\d+)$/, 10_000)
      const comm = () => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'gone')
      await waitUntil(async () => (await comm()) === 'sleep\n', { what: 'it runs', deadlineMs: 10_000 })
      await worker.kill9()
      const isOver = async () =>
        /^gone$|^\d+ \(sleep\) Z/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone'))
      await waitUntil(isOver, { what: 'it has ended', deadlineMs: 10_000 })
    })
  })
})

describe('an ffmpeg that misbehaves', () => {
  const sane = `echo '{"streams":[{"codec_name":"h264","width":4,"height":4}],"format":{"duration":"1"}}'`
  const png = `printf '\\211PNG\\r\\n\\032\\n'; printf 'IEND1234'`

  test.each([
    ['cannot be run any more', 'exit 127'],
    ['lacks a library', 'echo "error while loading shared libraries" >&2; exit 127'],
    ['cannot be confined', 'echo "unshare: unshare failed: No space left on device" >&2; exit 1'],
  ])('one that %s is no fault of the video', async (_, script) => {
    const command: Command = ['/bin/sh', '-c', script]
    const ffmpeg = { ffmpeg: command, ffprobe: command, mapsTones: false, heldBy: '' }
    const reading = readVideo({ path: '/dev/null' }, { name: 'mp4' }, { ffmpeg, signal, now })
    await expect(reading).rejects.toMatchObject({ kind: 'unavailable' })
  })

  /** Shell scripts in its place, as a PATH of their own. */
  const pretend = async (ffprobe: string, ffmpeg: string) => {
    const path = await mkdtemp(join(dir, 'bin-'))
    // Asked what it can do when it is looked for, it says so.
    const isAsked = 'case "$*" in *-filters*|*-version*) exit 0;; esac'
    for (const [name, body] of Object.entries({ ffprobe, ffmpeg })) {
      await writeFile(join(path, name), `#!/bin/sh\n${isAsked}\n${body}\n`)
      await chmod(join(path, name), 0o755)
    }
    const found = await findFfmpeg(path, signal)
    expect(found).toMatchObject({ heldBy: '', mapsTones: false })
    return found
  }
  const look = (ffmpeg: Ffmpeg | undefined, timeoutMs = 30_000) =>
    readVideo({ path: '/nowhere' }, { name: 'mp4' }, { ffmpeg, signal, now, timeoutMs })

  test('gets no environment, no input, no folder of ours, and the file by its descriptor', async () => {
    const seen = join(dir, 'seen')
    const ffmpeg = await pretend(`(pwd; env; cat; cat /dev/fd/3) >${seen}; ${sane}`, png)
    const { openSpool } = await import('../../workers/thumbnail/video/spool.js')
    const spool = await openSpool({ dir, sizeBytes: 4 })
    await spool.write(Buffer.from('film'))
    await readVideo(spool.file, { name: 'mp4' }, { ffmpeg, signal, now })
    await spool.remove()
    const [folder, ...rest] = (await readFile(seen, 'utf8')).split('\n')
    expect(folder).toBe('/')
    // What a shell sets by itself.
    expect(rest.filter(line => !/^(PWD|OLDPWD|_|SHLVL)=/.test(line))).toEqual(['film'])
  })

  test('writes without end', async () => {
    const ffmpeg = await pretend(sane, 'exec yes picture')
    expect(await look(ffmpeg)).toMatchObject({
      poster: null,
      width: 4,
      reason: expect.stringContaining('more time or memory'),
    })
  })

  test('hangs, and what is known by then is kept', async () => {
    const ffmpeg = await pretend(sane, 'exec sleep 600')
    const reason = 'The video could not be read in 5 seconds'
    expect(await look(ffmpeg, 5_000)).toMatchObject({ poster: null, width: 4, durationMs: 1_000, reason })
  })

  test('crashes', async () => {
    expect(await look(await pretend(sane, 'kill -SEGV $$'))).toMatchObject({
      poster: null,
      reason: "The video's picture data is damaged",
    })
    expect(await look(await pretend('kill -SEGV $$', png))).toMatchObject({
      reason: "The video's file is damaged, or ends too early",
    })
  })

  test('ends well with half a picture', async () => {
    expect(await look(await pretend(sane, `printf '\\211PNG\\r\\n\\032\\n'`))).toMatchObject({ poster: null })
    expect((await look(await pretend(sane, png))).poster).not.toBeNull()
  })

  test('answers nonsense', async () => {
    for (const answer of [
      'echo',
      `echo '[]'`,
      `echo '{"streams":[{"width":"4","height":-1}]}'`,
      `echo '{"streams":{}}'`,
    ])
      expect(await look(await pretend(answer, png))).toMatchObject({ poster: null, width: null, durationMs: null })
  })

  test('what it says can’t forge a line or play with a terminal', async () => {
    const ffmpeg = await pretend(`printf '\\033[2Jred\\n{"level":60}\\302\\205' >&2; exit 1`, png)
    expect((await look(ffmpeg)).said).toBe('\\x1b[2Jred {"level":60}\\xc2\\x85')
  })

  test('is gone when it is wanted: not the video’s fault', async () => {
    const ffmpeg = { ffmpeg: ['/nowhere/ffmpeg'], ffprobe: ['/nowhere/ffprobe'], mapsTones: false, heldBy: '' } as const
    await expect(look(ffmpeg)).rejects.toMatchObject({ name: 'AppError', kind: 'unavailable' })
  })
})

/**
 * The movie, but its pictures are said to lie in another file: its data reference becomes a Macintosh alias of that path (QuickTime
 * File Format, «Data reference atoms»). Its index has to stand last, so that nothing that it points to moves.
 */
function referTo(movie: Buffer, path: string): Buffer {
  const colons = Buffer.from(path.replaceAll('/', ':'))
  const record = Buffer.alloc(150)
  const name = Buffer.alloc(4)
  name.writeUInt16BE(2, 0)
  name.writeUInt16BE(colons.byteLength, 2)
  const padding = Buffer.alloc(colons.byteLength % 2)
  const end = Buffer.from([0xff, 0xff, 0, 0])
  const alias = box('alis', Buffer.concat([Buffer.alloc(4), record, name, colons, padding, end]))
  const at = contentOf(movie, 'dref') - 8
  const dref = box('dref', Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), alias]))
  const grown = Buffer.concat([movie.subarray(0, at), dref, movie.subarray(at + movie.readUInt32BE(at))])
  const more = grown.byteLength - movie.byteLength
  for (const type of ['moov', 'trak', 'mdia', 'minf', 'dinf']) {
    const start = contentOf(grown, type) - 8
    grown.writeUInt32BE(grown.readUInt32BE(start) + more, start)
  }
  return grown
}

function box(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + content.byteLength, 0)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, content])
}
