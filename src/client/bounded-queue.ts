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
  /**
   * Up to `itemsMax` items, as soon as there are so many, or no more come, or it is time: with the first waiting since `ageMs`,
   * or when `isTime` says so, which is asked with that age after each `put` and every `ageMs`. Empty at the end.
   */
  takeBatch(itemsMax: number, ageMs: number, isTime?: (ageMs: number) => boolean): Promise<T[]>
}

/**
 * `capacity` items at most, each counting as many as `sizeOf` says (the last may go beyond); it must not be smaller than the
 * largest batch that is taken from it.
 */
export function makeBoundedQueue<T>(
  capacity: number,
  signal: AbortSignal,
  sizeOf: (item: T) => number = () => 1,
): BoundedQueue<T> {
  const items: T[] = []
  let size = 0
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
  /** At least one, if there is any, and no more than that many. */
  const remove = (sizeMax: number): T[] => {
    let count = 0
    let taken = 0
    for (const item of items) {
      if (count > 0 && taken + sizeOf(item) > sizeMax) break
      taken += sizeOf(item)
      count++
    }
    size -= taken
    const removed = items.splice(0, count)
    wake()
    return removed
  }
  const someOrEnded = () => items.length > 0 || ended

  return {
    put: item =>
      when(
        () => size < capacity,
        () => {
          items.push(item)
          size += sizeOf(item)
          wake()
        },
      ),
    end() {
      ended = true
      wake()
    },
    take: () => when(someOrEnded, () => remove(1)[0]),
    async takeBatch(itemsMax, ageMs, isTime = age => age >= ageMs) {
      await when(someOrEnded, () => undefined)
      const sinceMs = performance.now()
      const timer = setInterval(wake, ageMs)
      try {
        return await when(
          () => size >= itemsMax || ended || isTime(performance.now() - sinceMs),
          () => remove(itemsMax),
        )
      } finally {
        clearInterval(timer)
      }
    },
  }
}
