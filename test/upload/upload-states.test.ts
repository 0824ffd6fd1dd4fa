/** Goal: whatever comes in and however it is put away, the durable bytes are always the file's first ones, without a gap. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import {
  isSmall,
  leftovers,
  mayHaveLeft,
  nextStep,
  sumOf,
  type Upload,
  withPart,
  withPiece,
} from '../../src/upload/upload.js'
import { uploadOf } from './upload-of.js'

const MiB = 1024 * 1024

const piecesOf = (sizeBytes: number) => [{ offset: 0, sizeBytes, holder: 1 }]

describe('the next step', () => {
  test.each([
    ['nothing held', {}, 0, false, 'wait'],
    ['nothing held at the end', {}, 0, true, 'wait'],
    ['some of a small one', {}, MiB, false, 'wait'],
    ['some of a small one at the end', {}, MiB, true, 'piece'],
    ['all of a small one', {}, 3 * MiB, false, 'finish'],
    ['all of one of no bytes', { sizeBytes: 0 }, 0, true, 'finish'],
    ['the rest behind pieces', { offsetBytes: MiB, pieces: piecesOf(MiB) }, 2 * MiB, true, 'finish'],
    ['the largest small one', { sizeBytes: limits.smallUploadBytes }, limits.smallUploadBytes, false, 'finish'],
    ['a small one is never parted', { sizeBytes: limits.smallUploadBytes }, limits.smallUploadBytes - 1, true, 'piece'],
    ['not yet a part', { sizeBytes: 20 * MiB }, 8 * MiB - 1, false, 'wait'],
    ['not yet a part at the end', { sizeBytes: 20 * MiB }, 8 * MiB - 1, true, 'piece'],
    ['a part', { sizeBytes: 20 * MiB }, 8 * MiB, false, 'part'],
    [
      'a part with its pieces',
      { sizeBytes: 20 * MiB, offsetBytes: MiB, pieces: piecesOf(MiB) },
      7 * MiB,
      false,
      'part',
    ],
    ['the last part, however short', { sizeBytes: 8 * MiB + 1, offsetBytes: 8 * MiB }, 1, false, 'finish'],
    ['all that is missing is the commit', { sizeBytes: 9 * MiB, offsetBytes: 9 * MiB }, 0, true, 'finish'],
  ] as const)('%s', (_title, facts, heldBytes, pressed, step) => {
    expect(nextStep(uploadOf(facts as Partial<Upload>), heldBytes, pressed)).toBe(step)
  })
})

describe('the bytes that are durable', () => {
  /** Requests that bring so many bytes each, in chunks, some of them while memory is short. */
  const requests = fc.array(
    fc.record({
      chunks: fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), pressed: fc.boolean() })),
      holderStep: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  const sizes = fc.oneof(
    fc.nat({ max: 100 }),
    fc.integer({ min: limits.smallUploadBytes - 2, max: limits.smallUploadBytes + 2 }),
    fc.nat({ max: 50 * MiB }),
  )

  test('are a prefix without gaps, told once and never less, in parts that a bucket takes', () => {
    fc.assert(
      fc.property(sizes, requests, (sizeBytes, plan) => {
        let upload = uploadOf({ sizeBytes })
        for (const { chunks, holderStep } of plan) {
          upload = { ...upload, holder: upload.holder + holderStep }
          let held = 0
          const step = (pressed: boolean) => {
            const before = upload.offsetBytes
            const next = nextStep(upload, held, pressed)
            if (next === 'piece') upload = { ...upload, ...withPiece(upload, held) }
            if (next === 'part') {
              const part = { number: upload.nextPart, etag: 'e', sizeBytes: sumOf(upload.pieces) + held }
              upload = { ...upload, ...withPart(upload, part) }
            }
            if (next === 'piece' || next === 'part') {
              expect(upload.offsetBytes).toBe(before + held)
              held = 0
            }
            checkPrefix(upload)
            return next
          }
          for (const { share, pressed } of chunks) {
            const missing = sizeBytes - upload.offsetBytes - held
            held += Math.floor(share * Math.min(missing, 3 * MiB))
            step(pressed)
          }
          const last = step(true)
          expect(last === 'finish' || held === 0).toBe(true)
          if (last === 'finish') return
        }
      }),
    )
  })

  function checkPrefix(upload: Upload): void {
    const { sizeBytes, offsetBytes, parts, pieces, nextPart } = upload
    expect(offsetBytes).toBe(sumOf(parts) + sumOf(pieces))
    expect(offsetBytes <= (sizeBytes as number)).toBe(true)
    expect(isSmall(upload) && parts.length > 0).toBe(false)
    let at = sumOf(parts)
    for (const piece of pieces) {
      expect(piece.offset).toBe(at)
      at += piece.sizeBytes
    }
    for (const [index, part] of parts.entries()) {
      expect(part.sizeBytes).toBeGreaterThanOrEqual(5 * MiB)
      expect(part.number).toBeGreaterThan(parts[index - 1]?.number ?? 0)
      expect(part.number).toBeLessThan(nextPart)
    }
  }
})

describe('what an upload may have left in the bucket', () => {
  test.each([
    ['open, nothing tried', {}, ['photo'], true],
    ['stored at once', { state: 'done', storedAs: 'photo' }, [], false],
    ['stored at the second try', { state: 'done', storedAs: 'photo', tried: ['first'] }, ['first'], true],
    ['found to be there already', { state: 'done', storedAs: 'other' }, ['photo'], true],
    ['stored from pieces', { state: 'done', storedAs: 'photo', staged: true }, [], true],
    ['large', { state: 'done', storedAs: 'photo', sizeBytes: 9 * MiB }, [], true],
    ['terminated', { state: 'ended' }, ['photo'], true],
  ] as const)('%s', (_title, facts, photos, may) => {
    const upload = uploadOf(facts as Partial<Upload>)
    expect(leftovers(upload)).toEqual(photos)
    expect(mayHaveLeft(upload)).toBe(may)
  })
})
