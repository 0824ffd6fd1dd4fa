/**
 * Begun uploads of a web page, in its localStorage (or any Storage): they outlive the page and the browser. Old ones go, and
 * those beyond the most that are kept; clocks are set, so one that is of the future is as old as it is far from now. Touches
 * only keys that begin with its own word.
 */
import { noteLifetimeMs, notesMax, type ResumeStore } from './resume-store.js'

const word = 'photosync-upload:'

export interface ResumeWebStorageOptions {
  /** Default 2,000. */
  notesMax?: number
  /** Milliseconds since 1970. */
  now?: () => number
}

/** A page that may not have a storage (a private window, a setting) has a store that remembers nothing. */
export function makeResumeWebStorage(
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'> | undefined = pageStorage(),
  options: ResumeWebStorageOptions = {},
): ResumeStore {
  const { now = Date.now } = options
  const most = options.notesMax ?? notesMax
  const ageMs = (note: Note | undefined) => (note ? Math.abs(now() - note.at) : Number.POSITIVE_INFINITY)
  const read = (key: string): Note | undefined => {
    const text = storage?.getItem(key)
    const note = text ? parse(text) : undefined
    return ageMs(note) <= noteLifetimeMs ? note : undefined
  }
  const sweep = () => {
    const keys = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index) ?? '')
    const notes = keys.filter(key => key.startsWith(word)).map(key => ({ key, oldMs: ageMs(read(key)) }))
    const newestFirst = notes.sort((a, b) => a.oldMs - b.oldMs)
    const old = newestFirst.filter(({ oldMs }, index) => oldMs > noteLifetimeMs || index >= most)
    for (const { key } of old) storage?.removeItem(key)
  }
  return {
    get: async name => attempt(() => read(word + name)?.address),
    put: async (name, address) => {
      attempt(() => storage?.setItem(word + name, JSON.stringify({ address, at: now() })))
      attempt(sweep)
    },
    remove: async name => attempt(() => storage?.removeItem(word + name)),
  }
}

interface Note {
  address: string
  at: number
}

function parse(text: string): Note | undefined {
  const value: unknown = attempt(() => JSON.parse(text))
  if (typeof value !== 'object' || value === null) return undefined
  const { address, at } = value as Partial<Record<keyof Note, unknown>>
  return typeof address === 'string' && typeof at === 'number' ? { address, at } : undefined
}

/** A storage may be full, or closed to this page at any moment. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

function pageStorage(): Storage | undefined {
  return attempt(() => globalThis.localStorage)
}
