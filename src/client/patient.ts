/**
 * Waiting for a server that is away, for all calls of one kind together: those that fail, and those that come meanwhile, are held
 * while one of them after another tries whether it is back. An outage ends by any call's success; one that lasts too long ends all
 * of them, where it is given a limit. A call that goes on failing while others succeed, or by itself, is no outage, and fails.
 * Touches only the time.
 */
import type { AppError } from '../core/errors.js'
import { type Bell, makeBell } from './bell.js'
import { isAway } from './problem.js'

export interface PatientOptions {
  /** Without a success for longer, nothing is waited for any more. `Number.POSITIVE_INFINITY`: for as long as it takes. */
  awayMaxMs: number
  /** So many different calls have to fail in an outage for it to be the server's; fewer fail by themselves. Default 1. */
  callsMin?: number
  /** Between two attempts, each of which is patient itself; default 20,000. A server that asks for a longer pause has it. */
  pauseMs?: number
  /** Told once in each outage, in a sentence. Must not throw. */
  say: (text: string) => void
  signal: AbortSignal
}

export interface Patient {
  /** Rejects with what the call rejects with, unless the server is away for now; or with the signal's reason. */
  call<T>(call: () => Promise<T>): Promise<T>
  /** It was waited for in vain: all calls reject with why. */
  readonly gaveUp: boolean
}

/** However long a server asks to be left alone, where it is waited for without a limit. */
const pauseMaxMs = 10 * 60_000
/** How often a call may use up its attempts while others succeed: one that began to fail before an outage has seen both. */
const ownFailuresMax = 3

interface Outage {
  readonly sinceMs: number
  /** Rings when it is over. */
  readonly over: Bell
  /** The calls that failed in it. */
  readonly failing: Set<object>
  /** One of the calls tries whether it is. */
  tried: boolean
}

export function makePatient(options: PatientOptions): Patient {
  const { awayMaxMs, callsMin = 1, pauseMs = 20_000, say, signal } = options
  let outage: Outage | undefined
  let inVain: AppError | undefined
  let successes = 0
  /** First come, first to try. */
  const held = new Set<(trying: boolean) => void>()
  const wake = () => {
    for (const go of held) go(false)
    held.clear()
  }
  signal.addEventListener('abort', wake, { once: true })

  /** Resolves when there is no outage, or, with true, when it is this call's turn to try. */
  const turn = async (): Promise<boolean> => {
    for (;;) {
      signal.throwIfAborted()
      if (inVain) throw inVain
      if (!outage) return false
      if (!outage.tried) {
        outage.tried = true
        return true
      }
      if (await new Promise<boolean>(go => held.add(go))) return true
    }
  }
  /** By whoever's turn it was. */
  const passOn = () => {
    const [next] = held
    if (next) held.delete(next)
    else if (outage) outage.tried = false
    next?.(true)
  }
  const succeeded = () => {
    successes++
    outage?.over.ring()
    outage = undefined
    wake()
  }
  /** In an outage: gives up, or waits if it was this call's turn, and hands that on. */
  const failed = async (call: object, error: AppError, trying: boolean): Promise<void> => {
    const begins = outage === undefined
    outage ??= { sinceMs: performance.now(), over: makeBell(signal), failing: new Set(), tried: true }
    const here = outage
    here.failing.add(call)
    const askedMs = (error.retryAfterSeconds ?? 0) * 1000
    const leftMs = here.sinceMs + awayMaxMs - performance.now()
    const tooLong = askedMs > Math.max(0, leftMs)
    if (tooLong || (leftMs <= 0 && here.failing.size >= callsMin)) {
      inVain = error
      wake()
      throw error
    }
    const mine = begins || trying
    if (leftMs <= 0) {
      if (mine) passOn()
      throw error
    }
    if (begins) say(`${error.message}; trying again until it answers`)
    if (!mine) return
    await here.over.wait(Math.max(pauseMs, Math.min(askedMs, pauseMaxMs)))
    if (outage === here) passOn()
  }

  return {
    get gaveUp() {
      return inVain !== undefined
    },
    async call(call) {
      for (let ownFailures = 0; ; ) {
        const trying = await turn()
        const before = successes
        try {
          const result = await call()
          succeeded()
          return result
        } catch (error) {
          signal.throwIfAborted()
          if (!isAway(error)) {
            if (trying) passOn()
            throw error
          }
          if (successes === before) await failed(call, error as AppError, trying)
          else if (++ownFailures >= ownFailuresMax) throw error
        }
      }
    },
  }
}
