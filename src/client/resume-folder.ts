/**
 * Begun uploads of this machine, each a small file in a folder of the program's own. A note is written beside its place and
 * moved there, so that it is whole or not there; whatever else is found is no note. Old ones go, and those beyond the most that
 * are kept; clocks are set, so one that is of the future is as old as it is far from now. Several programs may share a folder.
 * Touches that folder, which it makes when it is first needed.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { noteLifetimeMs, notesMax, type ResumeStore } from './resume-store.js'

export interface ResumeFolderOptions {
  /** Default 2,000. */
  notesMax?: number
  /** Milliseconds since 1970. */
  now?: () => number
}

const note = z.object({ name: z.string(), address: z.string().check(z.maxLength(2_000)) })
const noteBytesMax = 8_000
/** Looking for old ones takes a listing of the folder, so it is done now and then: at the first note and after so many. */
const notesBetweenSweeps = 200

/** Calls for one name have to come one after another; other programs may do what they want. */
export function makeResumeFolder(folder: string, options: ResumeFolderOptions = {}): ResumeStore {
  const { now = Date.now } = options
  const most = options.notesMax ?? notesMax
  const between = Math.min(notesBetweenSweeps, most)
  let written = 0
  const placeOf = (name: string) => join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 40)}.json`)

  return {
    get: async name => {
      try {
        const place = placeOf(name)
        const { size, mtimeMs } = await stat(place)
        if (size > noteBytesMax || ageMs(mtimeMs, now()) > noteLifetimeMs) return undefined
        const found = note.safeParse(JSON.parse(await readFile(place, 'utf8')))
        return found.success && found.data.name === name ? found.data.address : undefined
      } catch {
        return undefined // none, or none that can be read
      }
    },
    put: async (name, address) => {
      const place = placeOf(name)
      const beside = `${place}.${process.pid}.part`
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await writeFile(beside, JSON.stringify({ name, address }), { mode: 0o600 })
        await utimes(beside, now() / 1000, now() / 1000)
        await rename(beside, place)
        if (written++ % between === 0) await sweep(folder, now(), most)
      } catch {
        await rm(beside, { force: true }).catch(() => undefined) // a full disk, a folder that may not be written
      }
    },
    remove: name => rm(placeOf(name), { force: true }).catch(() => undefined),
  }
}

/** Only what a store has written: a folder that somebody named by mistake keeps its own files. */
const written = /^[0-9a-f]{40}\.json(\.\d+\.part)?$/

/** A note that was written while the clock was ahead is no newer than those of now. */
const ageMs = (mtimeMs: number, nowMs: number): number => Math.abs(nowMs - mtimeMs)

async function sweep(folder: string, nowMs: number, most: number): Promise<void> {
  const notes: { place: string; oldMs: number }[] = []
  for (const entry of await readdir(folder)) {
    if (!written.test(entry)) continue
    const place = join(folder, entry)
    const facts = await stat(place).catch(() => undefined)
    if (facts?.isFile()) notes.push({ place, oldMs: ageMs(facts.mtimeMs, nowMs) })
  }
  const newestFirst = notes.sort((a, b) => a.oldMs - b.oldMs)
  const old = newestFirst.filter(({ oldMs }, index) => index >= most || oldMs > noteLifetimeMs)
  await Promise.all(old.map(({ place }) => rm(place, { force: true })))
}
