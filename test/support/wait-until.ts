/** Waiting for something outside this process, by asking again and again until a deadline. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, as the error names it. */
  what: string
  /** From now. */
  deadlineMs: number
  intervalMs?: number
  signal?: AbortSignal | undefined
  /** Throws when waiting has become pointless, for example because the process that is waited for has ended. */
  stillPossible?: () => void
}

/** Resolves once `probe` answers true; what the probe throws counts as "not yet" and becomes the cause of the error. */
export async function waitUntil(probe: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const { what, deadlineMs, intervalMs = 25, signal, stillPossible } = options
  const giveUpAt = Date.now() + deadlineMs
  let cause: unknown
  for (;;) {
    signal?.throwIfAborted()
    stillPossible?.()
    try {
      if (await probe()) return
    } catch (error) {
      cause = error
    }
    if (Date.now() >= giveUpAt) throw new Error(`${what}: not within ${deadlineMs} ms`, { cause })
    await sleep(intervalMs)
  }
}
