/**
 * The signed-in person's library as the page has it so far: counts first, months as they are asked for. One object holds
 * it; components watch its snapshots, which never change once given out.
 *
 * `refresh` and `loadSection` never throw: what went wrong is in the snapshot, and trying again is calling them again.
 * Calls for the same thing at the same time share one request. When the session ends, everything personal is dropped, and
 * what was still on its way is nobody's: it neither comes back to the page nor is handed to the next who signs in.
 */

import {
  answerPlaces,
  type Consents,
  fetchConsents,
  fetchMe,
  fetchPhoto,
  fetchSection,
  fetchSections,
  type Me,
  type PhotoDetails,
  Problem,
  signOut,
  type TimelinePhoto,
} from './api.js'
import { createStore, type Store, type Watched } from './store.js'

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
  /** Whether the places where photos were taken are kept. Throws a Problem. */
  keepsPlaces(): Promise<boolean>
  /** Settles that, and forgets the details that it changes. Throws a Problem. */
  keepPlaces(keep: boolean): Promise<boolean>
  /** Ends the session. Throws a Problem when the server couldn't be told. */
  leave(): Promise<void>
}

const nothing: Snapshot = { phase: 'starting', sections: [] }

export function createLibrary(): Library {
  const store = createStore(nothing)
  const held: Held = { store, generation: 0, underWay: new Map(), known: new Map() }
  return {
    get: store.get,
    subscribe: store.subscribe,
    refresh: () => once(held, 'refresh', generation => refresh(held, generation)),
    loadSection: id => once(held, `section ${id}`, generation => loadSection(held, generation, id)),
    details: id => details(held, held.generation, id),
    keepsPlaces: () => places(held, held.generation, fetchConsents),
    keepPlaces: keep => places(held, held.generation, () => answerPlaces(keep)).finally(() => held.known.clear()),
    leave: async () => {
      await signOut()
      end(held, { phase: 'signed-out', sections: [] })
    },
  }
}

interface Held {
  readonly store: Store<Snapshot>
  /** Raised by each end of a session. An answer counts only in the generation that asked for it. */
  generation: number
  readonly underWay: Map<string, Promise<void>>
  readonly known: Map<string, PhotoDetails>
}

async function refresh(held: Held, generation: number): Promise<void> {
  try {
    const [me, counts] = await Promise.all([fetchMe(), fetchSections()])
    const before = held.store.get().me
    if (before && before.id !== me.id && generation === held.generation) {
      // Somebody else has signed in, in another tab: nothing that was the other person's may stay.
      end(held, { phase: 'starting', sections: [] })
      return await refresh(held, held.generation)
    }
    const known = sectionsById(held)
    const sections = await Promise.all(counts.map(count => renewed(count, known.get(count.id))))
    // A month that was loaded while these were on their way is kept.
    const meanwhile = sectionsById(held)
    change(held, generation, () => ({
      phase: 'ready',
      me,
      sections: sections.map(section => (section.photos ? section : (meanwhile.get(section.id) ?? section))),
    }))
  } catch (error) {
    const problem = asProblem(error)
    if (problem.kind === 'unauthenticated') return expire(held, generation)
    change(held, generation, now => ({ ...now, trouble: problem }))
  }
}

async function loadSection(held: Held, generation: number, id: string): Promise<void> {
  const replace = (renew: (before: Section) => Section) =>
    change(held, generation, now => ({
      ...now,
      sections: now.sections.map(section => (section.id === id ? renew(section) : section)),
    }))
  try {
    const photos = await fetchSection(id)
    replace(() => ({ id, count: photos.length, photos }))
  } catch (error) {
    const trouble = asProblem(error)
    if (trouble.kind === 'unauthenticated') return expire(held, generation)
    replace(before => ({ ...before, trouble }))
  }
}

async function details(held: Held, generation: number, id: string): Promise<PhotoDetails> {
  const remembered = held.known.get(id)
  if (remembered) return remembered
  try {
    const photo = await fetchPhoto(id)
    if (photo.state !== 'stored' && generation === held.generation) held.known.set(id, photo)
    return photo
  } catch (error) {
    const problem = asProblem(error)
    if (problem.kind === 'unauthenticated') expire(held, generation)
    throw problem
  }
}

async function places(held: Held, generation: number, ask: () => Promise<Consents>): Promise<boolean> {
  try {
    return (await ask()).places.granted
  } catch (error) {
    const problem = asProblem(error)
    if (problem.kind === 'unauthenticated') expire(held, generation)
    throw problem
  }
}

/** Runs `work` unless the same is under way already, in this generation. */
function once(held: Held, name: string, work: (generation: number) => Promise<void>): Promise<void> {
  const { generation, underWay } = held
  const key = `${generation} ${name}`
  const running = underWay.get(key) ?? work(generation).finally(() => underWay.delete(key))
  underWay.set(key, running)
  return running
}

/** Changes the snapshot, unless the session in which `generation` asked is over. */
function change(held: Held, generation: number, next: (now: Snapshot) => Snapshot): void {
  if (generation === held.generation) held.store.set(next(held.store.get()))
}

/** The server no longer knows the session; an answer to an earlier one says nothing about this one. */
function expire(held: Held, generation: number): void {
  if (generation !== held.generation) return
  end(held, { phase: 'signed-out', sections: [], expired: held.store.get().me !== undefined })
}

function end(held: Held, last: Snapshot): void {
  held.generation += 1
  held.known.clear()
  held.store.set(last)
}

const sectionsById = ({ store }: Held) => new Map(store.get().sections.map(section => [section.id, section]))

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
