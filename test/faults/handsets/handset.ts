/**
 * A handset that does what people do with theirs, at random: it takes pictures and pushes them, deletes, restores, empties the trash,
 * writes about photos, makes albums, follows the feed, is switched off in the middle of it, and is set up anew. Its link breaks, and
 * requests that it has made may be made once more, later. It never rejects for what a person would shrug at.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  catchUp,
  type FeedApi,
  type Mirror,
  makeFeedApi,
  makeMirror,
  push,
  restoreMirror,
} from '../../../src/client/index.js'
import { AppError, type ErrorKind, isAppError } from '../../../src/core/errors.js'
import { newId } from '../../../src/core/ids.js'
import type { Random } from '../random.js'
import type { Household } from './household.js'

export interface HandsetOptions {
  household: Household
  /** Its number among them. */
  index: number
  /** Where its requests go; they may break on the way. */
  server: string
  /** What it may photograph: each is one content, which another may have as well. */
  contents: readonly Buffer[]
  random: Random
}

export interface Handset {
  /** Does so many things, one after another. */
  live(deeds: number): Promise<void>
  /** What it knows in the end, over the link that it is given. */
  settle(server: string): Promise<Mirror>
  pushAll(server: string): Promise<void>
}

export function makeHandset({ household, index, server, contents, random }: HandsetOptions): Handset {
  const token = household.tokens[index] as string
  const folder = household.folders[index] as string
  const quick = { timeoutMs: 20_000, firstDelayMs: 20 }
  const api = makeFeedApi({ server, token, attemptsMax: 8, ...quick })
  let mirror = makeMirror()
  let kept = mirror.serialize()
  let files = 0
  /** Requests that were made, to be made once more. */
  const repeats: (() => Promise<unknown>)[] = []

  const pick = <T>(items: readonly T[]): T | undefined => items[random.between(0, items.length - 1)]
  const some = <T>(items: readonly T[], max: number): T[] => {
    const left = [...items]
    return Array.from({ length: Math.min(left.length, random.between(1, max)) }, () =>
      left.splice(random.between(0, left.length - 1), 1),
    ).flat()
  }
  const known = () => [...mirror.photos.keys()]

  const pushFolder = async (to: string, signal?: AbortSignal) => {
    const restore = random.chance(0.05)
    household.broughtBack ||= restore
    await push({
      server: to,
      token,
      dirs: [folder],
      concurrency: 2,
      firstDelayMs: 20,
      restore,
      ...(signal && { signal }),
      onProgress: event => {
        if (event.kind === 'file' && event.file.photo && event.file.sha256 && event.file.outcome !== 'deleted') {
          household.promised.set(event.file.photo, event.file.sha256)
        }
      },
    })
  }

  const request = async (make: (to: FeedApi) => Promise<unknown>) => {
    await make(api)
    if (random.chance(0.15)) repeats.push(() => make(api))
  }

  const discard = (photos: readonly string[]) => {
    for (const photo of photos) {
      household.discarded.add(photo)
      const entry = mirror.photos.get(photo)
      if (entry) household.discarded.add(entry.sha256)
      // Its parts go with it, and a part takes nothing but itself along.
      for (const [id, part] of mirror.photos) if (part.partOf === photo) household.discarded.add(id)
    }
  }

  const deeds: Readonly<Record<string, { weight: number; act: () => Promise<unknown> }>> = {
    takePictures: {
      weight: 5,
      act: async () => {
        for (const content of some(contents, 3)) await writeFile(join(folder, `IMG_${++files}.png`), content)
        await pushFolder(server)
      },
    },
    pushAndSwitchOff: {
      weight: 2,
      act: async () => {
        await writeFile(join(folder, `IMG_${++files}.png`), pick(contents) as Buffer)
        await pushFolder(server, AbortSignal.timeout(random.between(1, 60)))
      },
    },
    follow: { weight: 6, act: () => look(server) },
    trash: {
      weight: 4,
      act: async () => {
        const photos = some(known(), 3)
        discard(photos)
        await request(to => to.trash(photos))
      },
    },
    restore: { weight: 2, act: () => request(to => to.restore(some(known(), 3))) },
    empty: {
      weight: 3,
      act: async () => {
        const photos = some(known(), 4)
        const all = random.chance(0.5)
        if (random.chance(0.5)) {
          discard(photos)
          await request(to => to.trash(photos))
        }
        await request(to => to.emptyTrash(all ? { all: true } : photos))
      },
    },
    write: {
      weight: 3,
      act: async () => {
        const photo = pick(known())
        const edit = pick([
          { favourite: random.chance(0.5) },
          { archived: random.chance(0.5) },
          { description: random.chance(0.3) ? null : `words ${random.between(1, 99)}` },
          { rating: random.between(0, 5) },
          { takenAt: `20${random.between(10, 24)}-0${random.between(1, 9)}-1${random.between(0, 9)}T12:00:00` },
        ])
        if (photo && edit) await request(to => to.edit(photo, edit))
      },
    },
    album: {
      weight: 2,
      act: async () => {
        const id = random.chance(0.5) ? newId() : (pick([...mirror.albums.keys()]) ?? newId())
        const name = `album ${random.between(1, 99)}`
        const photos = some(known(), 4)
        await request(async to => {
          await to.putAlbum(id, name)
          if (photos.length > 0) await to.addToAlbum(id, photos)
        })
      },
    },
    leaveAlbum: {
      weight: 1,
      act: async () => {
        const id = pick([...mirror.albums.keys()])
        if (!id) return
        const photos = some([...mirror.photosOf(id)], 2)
        await request(to => (random.chance(0.3) ? to.deleteAlbum(id) : to.removeFromAlbum(id, photos)))
      },
    },
    repeat: { weight: 2, act: async () => repeats.splice(0, 1)[0]?.() },
    restart: {
      weight: 1,
      act: async () => {
        // An older copy, as out of a backup, or nothing at all.
        mirror = random.chance(0.5) ? restoreMirror(kept) : makeMirror()
      },
    },
  }
  const wheel = Object.values(deeds).flatMap(({ weight, act }) => Array.from({ length: weight }, () => act))

  const look = async (at: string) => {
    await catchUp({ server: at, token, mirror, pageEntries: random.between(1, 6), ...quick })
    if (random.chance(0.4)) kept = mirror.serialize()
  }

  return {
    live: async count => {
      for (let done = 0; done < count; done++) {
        const act = wheel[random.between(0, wheel.length - 1)] as () => Promise<unknown>
        await act().catch(shrug)
      }
    },
    settle: at =>
      patiently(async () => {
        await catchUp({ server: at, token, mirror, ...quick })
        return mirror
      }),
    pushAll: at =>
      patiently(async () => {
        const { failed } = await push({ server: at, token, dirs: [folder], firstDelayMs: 20 })
        if (failed.length > 0) throw new AppError('unavailable', `not stored: ${JSON.stringify(failed)}`)
      }),
  }
}

/** The link, the server that restarts, being switched off, and a photo or album that somebody else deleted. */
const shrugged: readonly ErrorKind[] = ['unavailable', 'not_found', 'gone', 'conflict', 'held', 'too_many']

function shrug(error: unknown): void {
  const passes = error instanceof AppError ? shrugged.includes(error.kind) : (error as Error).name === 'TimeoutError'
  if (!passes) throw error
}

const patienceMs = 60_000

/** Also while the service is killed and started again. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const end = AbortSignal.timeout(patienceMs)
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (end.aborted || !isAppError(error, 'unavailable')) throw error
      await sleep(100)
    }
  }
}
