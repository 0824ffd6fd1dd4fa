/**
 * The hashes of the libraries that were compared lately, in this process's memory. Each is read from the database once and then only
 * what came since; the least lately used go when all together are too large. A million hashes take 34 MB and about a second to read.
 *
 * Right with several worker processes: what is read is what was compared, in the order of `compared_at`, and whoever reads holds the
 * lock under which that grows (compare-sql.ts).
 */
import type { Placement } from '../../src/core/keys.js'
import type { Queryable } from '../../src/db/database.js'
import { beforeAllHashes, type HashCursor, readHashes } from '../../src/library/duplicates/compare-sql.js'
import { type HashIndex, makeHashIndex } from './hash-index.js'

export interface Library {
  index: HashIndex
  /** Up to where it has been read. */
  cursor: HashCursor
}

export interface Libraries {
  /** With all that was compared before. Call it under `lockComparing`, in that transaction. */
  open(tx: Queryable, placement: Placement, signal: AbortSignal): Promise<Library>
}

const pageRows = 20_000

/** `hashesMax`: of all libraries together; one that is larger by itself is kept while it is worked on. */
export function makeLibraries({ hashesMax = 3_000_000 }: { hashesMax?: number } = {}): Libraries {
  // In the order of their last use.
  const libraries = new Map<string, Library>()

  const forget = () => {
    let total = 0
    for (const { index } of libraries.values()) total += index.size
    for (const [key, { index }] of libraries) {
      if (total <= hashesMax || libraries.size === 1) return
      libraries.delete(key)
      total -= index.size
    }
  }

  return {
    open: async (tx, placement, signal) => {
      const key = `${placement.person}/${placement.epoch}`
      const library = libraries.get(key) ?? { index: makeHashIndex(), cursor: beforeAllHashes }
      libraries.delete(key)
      libraries.set(key, library)
      for (;;) {
        signal.throwIfAborted()
        const page = await readHashes(tx, placement, library.cursor, pageRows)
        if (!page) break
        library.index.addAll(page.ids, page.hashes)
        library.cursor = page.cursor
        if (page.hashes.length < pageRows * 8) break
      }
      forget()
      return library
    },
  }
}
