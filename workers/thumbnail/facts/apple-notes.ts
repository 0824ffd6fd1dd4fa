/** Apple's maker note: a directory of its own behind a short header. Pure; never throws. */
import { cleanId } from './text.js'
import { readDirectory } from './tiff.js'

/** `burst`: what pictures of one burst share; `live`: what the halves of a Live Photo share. */
export function readAppleNotes(note: Buffer | undefined): { burst: string | null; live: string | null } {
  // 'Apple iOS', 0, two bytes of version, the byte order, the directory; its places count from the note's first byte.
  if (note?.toString('latin1', 0, 10) !== 'Apple iOS\0') return { burst: null, live: null }
  const directory = readDirectory(note, 14, note.toString('latin1', 12, 14) === 'II')
  const id = (tag: number) => cleanId(directory?.bytes(tag)?.toString('latin1').split('\0')[0])
  return { burst: id(0x000b), live: id(0x0011) }
}
