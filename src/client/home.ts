/**
 * Which region's server is asked. A server that says the person's photos live elsewhere (421, `misdirected`, with `apiUrl`) is
 * believed, and so is the one it names; where it points to is told, so that people see it. Two that point to each other are
 * not followed round and round, nor many that point on and on. Holds the current address, which lasts as long as a move's;
 * touches nothing else.
 */
import { AppError, isAppError } from '../core/errors.js'

export interface Home {
  /** Calls with the current server; if that points elsewhere, again with the one it names. */
  at<T>(call: (server: string) => Promise<T>): Promise<T>
}

/** A region points to a home directly; a move in the meantime to one more. */
const hopsMax = 5

export function makeHome(given: string, onMoved: (server: string, region: string | undefined) => void): Home {
  let server = given
  return {
    async at(call) {
      const asked = new Set<string>()
      for (;;) {
        const here = server
        asked.add(here)
        try {
          return await call(here)
        } catch (error) {
          if (!isAppError(error, 'misdirected')) throw error
          // Of several calls under way at once only the first moves house.
          if (server === here) {
            const named = addressNamed(error, here)
            if (asked.has(named)) throw error
            if (asked.size > hopsMax) throw pointedOnAndOn(given)
            server = named
            const { region } = error.facts
            onMoved(server, typeof region === 'string' ? region : undefined)
          } else if (asked.has(server)) throw error
          else if (asked.size > hopsMax) throw pointedOnAndOn(given)
        }
      }
    },
  }
}

function pointedOnAndOn(given: string): AppError {
  const sentence = `${given} points to another server, and that to another, without an end: use the address of your region`
  return new AppError('misdirected', sentence)
}

function addressNamed(error: AppError, asked: string): string {
  const { apiUrl } = error.facts
  if (typeof apiUrl !== 'string' || !URL.canParse(apiUrl)) throw error
  const { protocol } = new URL(apiUrl)
  // The token would travel in the clear although the person chose that it should not.
  const safe = protocol === 'https:' || (protocol === 'http:' && asked.startsWith('http:'))
  if (!safe)
    throw new AppError('misdirected', `${asked} points to ${apiUrl}, which is not safe: use the address of your region`)
  return apiUrl
}
