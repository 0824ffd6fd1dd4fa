/**
 * Samsung's trailer behind a picture: named blocks, then a directory of them (`SEFH` … `SEFT`) at the very end. One block is a
 * motion photo's film. Editors cut the directory off and leave the blocks, so the block's name is looked for too. Pure.
 */
import type { Range } from './motion.js'

const videoType = 0x0a30
const videoName = 'MotionPhoto_Data'
const entriesMax = 256

/** Where a film may be, likeliest first. With `mayLackDirectory` a file without one is searched for the block's name. */
export function* samsungVideo(original: Buffer, { mayLackDirectory }: { mayLackDirectory: boolean }): Generator<Range> {
  const start = directoryStart(original)
  if (start !== undefined) yield* fromDirectory(original, start)
  else if (mayLackDirectory) yield* byName(original)
}

function* byName(original: Buffer): Generator<Range> {
  let at = original.length
  for (let tries = 0; tries < 4; tries++) {
    at = original.lastIndexOf(videoName, at, 'latin1')
    if (at <= 0) return
    yield { from: at + videoName.length, to: original.length }
    at--
  }
}

/** Where `SEFH` is, as the end of the file says. */
function directoryStart(original: Buffer): number | undefined {
  const end = original.length
  if (end < 32 || original.toString('latin1', end - 4) !== 'SEFT') return undefined
  const start = end - 8 - original.readUInt32LE(end - 8)
  const isThere = start >= 0 && start + 20 <= end && original.toString('latin1', start, start + 4) === 'SEFH'
  return isThere ? start : undefined
}

/** `SEFH`, version, count, count × {0, type, how far before SEFH its block begins, the block's bytes}, length, `SEFT`. */
function* fromDirectory(original: Buffer, start: number): Generator<Range> {
  const end = original.length
  const count = Math.min(original.readUInt32LE(start + 8), entriesMax)
  for (let index = 0; index < count; index++) {
    const entry = start + 12 + index * 12
    if (entry + 12 > end - 8) return
    const block = start - original.readUInt32LE(entry + 4)
    const blockEnd = block + original.readUInt32LE(entry + 8)
    if (original.readUInt16LE(entry + 2) !== videoType || block < 0 || blockEnd > start || block + 8 > blockEnd)
      continue
    // A block repeats its type and has its name before its content.
    yield { from: block + 8 + original.readUInt32LE(block + 4), to: blockEnd }
  }
}
