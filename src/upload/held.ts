/**
 * Bytes of an upload in memory, from `startOffset` on without a gap: copied into slabs as they come, and hashed on the way while
 * they are warm. What a body brings dies young in the collector's eyes, and the copy costs less than letting it grow old.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Holder, Memory } from './memory.js'

export interface Held {
  readonly startOffset: number
  readonly sizeBytes: number
  /** Of all of them, when they are the upload's first; undefined: nobody wanted it, or they aren't. */
  readonly sha256: Hash | undefined
  /** Copies it. */
  write(chunk: Buffer): void
  /** Undefined: go on. Else memory is short, and it calls back once it isn't; the returned function stops waiting. */
  waitForRoom(onRoom: () => void): (() => void) | undefined
  /** The bytes from that offset of the upload on. Not to be read any more once they were cleared. */
  chunks(fromOffset: number): Buffer[]
  /** Gives the memory back and goes on at `nextOffset`, with nothing held. `reusable`: nobody reads the bytes any more. */
  clear(nextOffset: number, reusable: boolean): void
  /** How others may treat it; see memory.ts. `onPress` is called when the memory is wanted back, and says whether it will be. */
  become(state: Holder['state'], onPress?: () => boolean): void
}

export function openHeld(memory: Memory, offset: number, { hashed }: { hashed: boolean }): Held {
  let startOffset = offset
  let slabs: Buffer[] = []
  let sizeBytes = 0
  /** Left in the last slab. */
  let leftBytes = 0
  let sha256 = hashed && offset === 0 ? createHash('sha256') : undefined
  let onPress: (() => boolean) | undefined
  const holder: Holder = { state: 'busy', takenBytes: 0, sinceMs: 0, press: () => onPress?.() ?? false }

  return {
    get startOffset() {
      return startOffset
    },
    get sizeBytes() {
      return sizeBytes
    },
    get sha256() {
      return sha256
    },
    write(chunk) {
      for (let written = 0; written < chunk.byteLength; ) {
        if (leftBytes === 0) {
          const slab = memory.take(holder, chunk.byteLength - written)
          slabs.push(slab)
          leftBytes = slab.byteLength
        }
        const slab = slabs[slabs.length - 1] as Buffer
        const copied = chunk.copy(slab, slab.byteLength - leftBytes, written, written + leftBytes)
        leftBytes -= copied
        written += copied
      }
      sizeBytes += chunk.byteLength
      sha256?.update(chunk)
    },
    waitForRoom: onRoom => (memory.isSpent() ? memory.wait(onRoom) : undefined),
    chunks(fromOffset) {
      const chunks: Buffer[] = []
      let at = startOffset
      for (const [index, slab] of slabs.entries()) {
        const usedBytes = slab.byteLength - (index === slabs.length - 1 ? leftBytes : 0)
        const skipBytes = Math.max(fromOffset - at, 0)
        if (skipBytes < usedBytes) chunks.push(slab.subarray(skipBytes, usedBytes))
        at += usedBytes
      }
      return chunks
    },
    clear(nextOffset, reusable) {
      const given = slabs
      slabs = []
      sizeBytes = 0
      leftBytes = 0
      startOffset = nextOffset
      sha256 = undefined
      memory.giveBack(holder, given, reusable)
    },
    become(state, press) {
      holder.state = state
      onPress = press
      if (state === 'kept') memory.noteKept()
    },
  }
}
