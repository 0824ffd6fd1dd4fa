/**
 * A bounded queue between two steps that run at the same time: who puts waits while it is full, who takes waits while it is
 * empty. First in, first out. Every wait ends with the signal's reason once that aborts.
 */
export interface BoundedQueue<T> {
  put(item: T): Promise<void>
  /** No more items will be put; those in it can still be taken. */
  end(): void
  /** The next item; undefined once it is ended and empty. */
  take(): Promise<T | undefined>
  /** Up to `itemsMax` items, as soon as there are so many, or the first has waited `ageMs`, or no more come. Empty at the end. */
  takeBatch(itemsMax: number, ageMs: number): Promise<T[]>
}

/** `capacity` items at most; it must not be smaller than the largest batch that is taken from it. */
export function makeBoundedQueue<T>(capacity: number, signal: AbortSignal): BoundedQueue<T> {
  const items: T[] = []
  const sleepers = new Set<() => void>()
  let ended = false

  const wake = () => {
    for (const resolve of sleepers) resolve()
    sleepers.clear()
  }
  signal.addEventListener('abort', wake, { once: true })

  /** Acts in the same step that finds it ready: between the two nobody else gets a turn. */
  const when = async <R>(ready: () => boolean, act: () => R): Promise<R> => {
    for (;;) {
      signal.throwIfAborted()
      if (ready()) return act()
      await new Promise<void>(resolve => sleepers.add(resolve))
    }
  }
  const remove = (count: number): T[] => {
    const taken = items.splice(0, count)
    wake()
    return taken
  }
  const someOrEnded = () => items.length > 0 || ended

  return {
    put: item =>
      when(
        () => items.length < capacity,
        () => {
          items.push(item)
          wake()
        },
      ),
    end() {
      ended = true
      wake()
    },
    take: () => when(someOrEnded, () => remove(1)[0]),
    async takeBatch(itemsMax, ageMs) {
      await when(someOrEnded, () => undefined)
      let old = false
      const timer = setTimeout(() => {
        old = true
        wake()
      }, ageMs)
      try {
        return await when(
          () => items.length >= itemsMax || ended || old,
          () => remove(itemsMax),
        )
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
