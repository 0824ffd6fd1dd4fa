/** A value that components watch. `get` and `subscribe` are all that a watcher may use. */
import { useEffect, useState } from 'preact/hooks'

export interface Watched<T> {
  get(): T
  /** Calls back after each change; the returned function ends that. */
  subscribe(listener: () => void): () => void
}

export interface Store<T> extends Watched<T> {
  set(value: T): void
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      value = next
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function useWatched<T>(watched: Watched<T>): T {
  const [value, setValue] = useState(() => watched.get())
  useEffect(() => {
    const read = () => setValue(() => watched.get())
    // It may have changed between the render and now.
    read()
    return watched.subscribe(read)
  }, [watched])
  return value
}
