/** Waiting for a server for as long as it takes: for a push that nobody sits beside. Touches nothing but the time. */
import type { AppError } from '../core/errors.js'
import { isPassing } from './problem.js'
import { wait } from './wait.js'

/** Between two attempts, each of which is patient itself. */
const patienceMs = 20_000

export type Patient = <T>(call: () => Promise<T>) => Promise<T>

/** Calls again for as long as the server is away, saying so once each time. Rejects with what does not pass, or the signal's reason. */
export function makePatient(say: (text: string) => void, signal: AbortSignal): Patient {
  return async call => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (!isPassing(error)) throw error
        if (attempt === 1) say(`${(error as AppError).message}; trying again until it answers`)
        await wait(patienceMs, signal)
      }
    }
  }
}
