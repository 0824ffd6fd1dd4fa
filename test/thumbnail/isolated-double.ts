/**
 * A decoder's program for tests: the text that it is sent tells what it does, as a hostile file would. It is answered by the
 * program's real life, answerPhotos; only looking at the picture is replaced.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { noFacts } from '../../src/library/photo-facts.js'
import type { Developed } from '../../workers/thumbnail/developed.js'
import { answerPhotos } from '../../workers/thumbnail/isolated/answer-photos.js'
import { channelFd } from '../../workers/thumbnail/isolated/wire.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'

const MiB = 1024 * 1024

/** Every field is filled, with what is hardest to carry: the original itself is a rendition, an empty one follows. */
function everything(original: Buffer, reason: string | null): Developed {
  const motion = { offset: 5_000_000_000, sizeBytes: 1, mediaType: 'video/mp4', atMs: 0.5 }
  return {
    kind: 'video',
    mediaType: 'image/x-double+test',
    width: null,
    height: 0,
    durationMs: 1234,
    renditions: [
      { name: '1440.jpg', mediaType: 'image/jpeg', width: 1, height: 65_535, bytes: original },
      { name: '256.webp', mediaType: 'image/webp', width: 2, height: 3, bytes: Buffer.alloc(0) },
    ],
    thumbhash: Buffer.from([0, 255]),
    look: { phash: -(2n ** 63n), detail: Buffer.from('detail') },
    facts: { ...noFacts, latitude: -0.5, description: '“…” 雪\n👩‍👩‍👧', motion },
    reason,
  }
}

function report(original: Buffer): Developed {
  const adjustment = existsSync('/proc/self/oom_score_adj')
    ? readFileSync('/proc/self/oom_score_adj', 'utf8').trim()
    : null
  return everything(
    original,
    JSON.stringify({ names: Object.keys(process.env).sort(), cwd: process.cwd(), adjustment }),
  )
}

const acts: Readonly<Record<string, (original: Buffer, argument: string) => Promise<Developed> | Developed>> = {
  echo: original => everything(original, null),
  report,
  die: (original, signal) => {
    process.kill(process.pid, signal)
    return everything(original, null)
  },
  exit: () => process.exit(0),
  hang: () => new Promise(() => {}),
  /** With the main thread too busy to notice anything. */
  spin: (_, path) => {
    writeFileSync(`${path}.began`, '')
    for (;;);
  },
  /** As much memory as that, in MiB, without a pause. */
  grow: (original, size) => {
    const held = Array.from({ length: Number(size) / 16 }, (_, index) => Buffer.alloc(16 * MiB, index + 1))
    return everything(original, `${held.length}`)
  },
  throw: (_, message) => {
    throw new TypeError(message)
  },
  unreadable: (_, cause) => {
    throw new Unreadable('Not a picture', { cause: new Error(cause) })
  },
  say: (original, text) => {
    writeFileSync(2, text)
    return everything(original, null)
  },
  /** A name that would lead out of the photo's folder. */
  lie: original => {
    const developed = everything(original, null)
    return { ...developed, renditions: developed.renditions.map(one => ({ ...one, name: '../../other' })) }
  },
  /** Anything about the photo, as JSON. */
  claim: (original, claim) => ({ ...everything(original, null), ...JSON.parse(claim) }),
  /** What is no JSON, after its length, as if it were the answer. */
  babble: (original, text) => {
    const head = Buffer.from(`\0\0\0\0${text}`)
    head.writeUInt32BE(head.length - 4)
    writeFileSync(channelFd, head)
    return everything(original, null)
  },
  /** Tells by a file that it began, and ends when there is another. */
  wait: async (original, path) => {
    writeFileSync(`${path}.began`, '')
    while (!existsSync(`${path}.go`)) await sleep(10)
    return everything(original, null)
  },
}

await answerPhotos(async original => {
  const [, act = '', argument = ''] = /^(\w+) ?(.*)/s.exec(original.toString('utf8', 0, 1_000)) ?? []
  const found = acts[act]
  if (!found) throw new Error(`no such act: ${act}`)
  return await found(original, argument)
})
