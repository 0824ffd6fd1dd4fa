/** A decoder for tests, with the double's program unless another is named; it is closed when the test ends. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { packageFolder } from '../../src/core/package-folder.js'
import type { Developed } from '../../workers/thumbnail/developed.js'
import { type DecoderOptions, openDecoder } from '../../workers/thumbnail/isolated/decoder.js'
import { waitUntil } from '../support/wait-until.js'

export const now = new Date('2026-05-01T12:00:00Z')
export const never = new AbortController().signal

export function programOf(name: string): string {
  return join(packageFolder, `dist/test/thumbnail/${name}.js`)
}

export function open(options: Partial<DecoderOptions> = {}) {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: line => void lines.push(JSON.parse(line)) })
  const decoder = openDecoder({ processes: 1, program: programOf('isolated-double'), log, ...options })
  onTestFinished(() => decoder.close())
  return {
    decoder,
    /** What the photo holds tells the double what to do. */
    develop: (photo: string | Buffer, signal = never): Promise<Developed> => {
      return decoder.develop(inPieces(Buffer.from(photo)), { sizeBytes: Buffer.byteLength(photo), now, signal })
    },
    lines,
    /** Process ids of all that were ever ready, in order. */
    pids: () => lines.filter(({ msg }) => msg === 'a decoder process is ready').map(({ decoder }) => Number(decoder)),
  }
}

/** Of odd lengths, so that no frame ends with a piece. */
export async function* inPieces(bytes: Buffer, pieceBytes = 65_521): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes)
}

/** A folder in which photos of the act `wait` tell that they began, and are let go. */
export function openGate() {
  const folder = mkdtempSync(join(tmpdir(), 'photosync-isolated-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = (name: string) => join(folder, name)
  const hasBegun = (name: string) => existsSync(`${path(name)}.began`)
  return {
    path,
    hasBegun,
    untilBegun: (name: string) => waitUntil(async () => hasBegun(name), { what: `${name} begins`, deadlineMs: 30_000 }),
    letGo: (name: string) => writeFileSync(`${path(name)}.go`, ''),
  }
}

/** Resolves when the process is gone; one that has ended and that nobody has looked after counts as gone. */
export function untilGone(pid: number): Promise<void> {
  const isGone = async () => {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    const stat = `/proc/${pid}/stat`
    return existsSync(stat) && readFileSync(stat, 'utf8').includes(') Z ')
  }
  return waitUntil(isGone, { what: `process ${pid} ends`, deadlineMs: 30_000 })
}
