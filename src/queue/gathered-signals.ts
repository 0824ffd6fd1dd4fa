/**
 * Signals, where the same one many times within a moment is sent once: a handset that sends photo after photo would else cost two
 * messages for each. Only for signals that say "look": `upload` names a request that must end, and goes out at once.
 */
import type { Signals } from './signals.js'

/** Nobody notices so little, and a handset sends several photos in it. */
const windowMs = 50

export function gatheredSignals(signals: Signals): Signals {
  const gathered = new Map<string, () => Promise<void>>()
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  const send = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const all = [...gathered.values()]
    gathered.clear()
    await Promise.all(all.map(publish => publish()))
  }

  return {
    ...signals,
    async publish(channel, payload) {
      if (channel === 'upload') return signals.publish(channel, payload)
      gathered.set(`${channel} ${payload}`, () => signals.publish(channel, payload))
      timer ??= setTimeout(() => {
        sending = send()
      }, windowMs)
    },
    async close() {
      await sending
      await send()
      await signals.close()
    },
  }
}
