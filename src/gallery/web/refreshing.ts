/**
 * Keeps the page in step with the server: while photos are being prepared, while the library is still empty, and after a
 * failure. Otherwise it asks again only when the page is looked at again. A hidden tab asks nothing.
 */
import { useEffect } from 'preact/hooks'
import type { Library, Snapshot } from './library.js'

const waitingMs = 3_000
const troubleMs = 10_000

export function useRefreshing(library: Library, snapshot: Snapshot, active: boolean): void {
  useEffect(() => {
    if (!active) return
    const refreshIfSeen = () => {
      if (!document.hidden) void library.refresh()
    }
    refreshIfSeen()
    document.addEventListener('visibilitychange', refreshIfSeen)
    addEventListener('online', refreshIfSeen)
    return () => {
      document.removeEventListener('visibilitychange', refreshIfSeen)
      removeEventListener('online', refreshIfSeen)
    }
  }, [library, active])

  // Every refresh ends in a new snapshot, which sets the next one.
  const delayMs = refreshDelayMs(snapshot)
  useEffect(() => {
    if (!active || delayMs === undefined) return
    const timer = setTimeout(() => {
      if (!document.hidden) void library.refresh()
    }, delayMs)
    return () => clearTimeout(timer)
  }, [library, snapshot, active, delayMs])
}

export function refreshDelayMs({ me, trouble }: Snapshot): number | undefined {
  if (trouble) return troubleMs
  return me && (me.waiting > 0 || me.photos === 0) ? waitingMs : undefined
}
