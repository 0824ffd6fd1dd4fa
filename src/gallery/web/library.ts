/**
 * The signed-in person's library as the page has it so far: counts first, months as they are asked for. One object holds
 * it; components watch its snapshots, which never change once given out.
 *
 * `refresh` and `loadSection` never throw: what went wrong is in the snapshot, and trying again is calling them again.
 * Calls for the same thing at the same time share one request. When the session ends, everything personal is dropped.
 */

import type { TimelinePhoto } from './api.js'
import {
  fetchMe,
  fetchPhoto,
  fetchSection,
  fetchSections,
  type Me,
  type PhotoDetails,
  Problem,
  signOut,
} from './api.js'
import { createStore, type Watched } from './store.js'

export interface Section {
  /** A month: '2025-06'. */
  readonly id: string
  readonly count: number
  /** Newest first; absent until loaded. */
  readonly photos?: readonly TimelinePhoto[]
  /** Why it couldn't be loaded. */
  readonly trouble?: Problem
}

export interface Snapshot {
  readonly phase: 'starting' | 'signed-out' | 'ready'
  readonly me?: Me
  /** Newest first. */
  readonly sections: readonly Section[]
  /** Why the last refresh failed; what is here is then what was known before. */
  readonly trouble?: Problem
  /** The session ended while it was in use, rather than there being none. */
  readonly expired?: boolean
}

export interface Library extends Watched<Snapshot> {
  /** Asks for the counts and loads again each loaded month that may have changed. */
  refresh(): Promise<void>
  loadSection(id: string): Promise<void>
  /** What is known of a photo. Remembered once its work is done. Throws a Problem. */
  details(id: string): Promise<PhotoDetails>
  /** Ends the session. Throws a Problem when the server couldn't be told. */
  leave(): Promise<void>
}

const nothing: Snapshot = { phase: 'starting', sections: [] }

export function createLibrary(): Library {
  const store = createStore(nothing)
  const underWay = new Map<string, Promise<void>>()
  const known = new Map<string, PhotoDetails>()

  function failed(problem: Problem): void {
    if (problem.kind !== 'unauthenticated') {
      store.set({ ...store.get(), trouble: problem })
      return
    }
    const expired = store.get().me !== undefined
    known.clear()
    store.set({ phase: 'signed-out', sections: [], expired })
  }

  /** Runs `work` unless the same is under way already. */
  function once(key: string, work: () => Promise<void>): Promise<void> {
    const running = underWay.get(key) ?? work().finally(() => underWay.delete(key))
    underWay.set(key, running)
    return running
  }

  const refresh = () =>
    once('', async () => {
      try {
        const [me, counts] = await Promise.all([fetchMe(), fetchSections()])
        const before = new Map(store.get().sections.map(section => [section.id, section]))
        const sections = await Promise.all(counts.map(count => renewed(count, before.get(count.id))))
        // A month that was loaded while these were on their way is kept.
        const meanwhile = new Map(store.get().sections.map(section => [section.id, section]))
        store.set({
          phase: 'ready',
          me,
          sections: sections.map(section => (section.photos ? section : (meanwhile.get(section.id) ?? section))),
        })
      } catch (error) {
        failed(asProblem(error))
      }
    })

  const loadSection = (id: string) =>
    once(id, async () => {
      try {
        const photos = await fetchSection(id)
        replaceSection({ id, count: photos.length, photos })
      } catch (error) {
        const trouble = asProblem(error)
        if (trouble.kind === 'unauthenticated') return failed(trouble)
        const section = store.get().sections.find(one => one.id === id)
        if (section) replaceSection({ ...section, trouble })
      }
    })

  function replaceSection(section: Section): void {
    const { sections, ...rest } = store.get()
    store.set({ ...rest, sections: sections.map(one => (one.id === section.id ? section : one)) })
  }

  async function details(id: string): Promise<PhotoDetails> {
    const remembered = known.get(id)
    if (remembered) return remembered
    try {
      const photo = await fetchPhoto(id)
      if (photo.state !== 'stored') known.set(id, photo)
      return photo
    } catch (error) {
      const problem = asProblem(error)
      if (problem.kind === 'unauthenticated') failed(problem)
      throw problem
    }
  }

  async function leave(): Promise<void> {
    await signOut()
    known.clear()
    store.set({ phase: 'signed-out', sections: [] })
  }

  return { get: store.get, subscribe: store.subscribe, refresh, loadSection, details, leave }
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem('failed', 'Something went wrong on this page.', { cause: error })
}

/** A loaded month is loaded again when its count changed or something in it was still being worked on. */
async function renewed(count: { id: string; count: number }, before: Section | undefined): Promise<Section> {
  if (!before?.photos) return { id: count.id, count: count.count }
  const settled = before.photos.every(photo => photo.state !== 'stored')
  if (settled && before.photos.length === count.count) return before
  const photos = await fetchSection(count.id)
  // The same array where nothing changed, so that nothing is drawn again.
  if (JSON.stringify(photos) === JSON.stringify(before.photos)) return before
  return { id: count.id, count: photos.length, photos }
}
