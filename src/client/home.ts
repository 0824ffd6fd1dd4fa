/**
 * Which region's server is asked. A server that says the person's photos live elsewhere (421, `misdirected`, with `apiUrl`)
 * is believed once; where it points to is told, so that people see it. Holds the current address; touches nothing else.
 */
import { AppError, isAppError } from '../core/errors.js'

export interface Home {
  /** Calls with the current server; if that points elsewhere, once more with the one it names. */
  at<T>(call: (server: string) => Promise<T>): Promise<T>
}

export function makeHome(given: string, onMoved: (server: string, region: string | undefined) => void): Home {
  let server = given
  return {
    async at(call) {
      const asked = server
      try {
        return await call(asked)
      } catch (error) {
        if (!isAppError(error, 'misdirected')) throw error
        // Of several calls under way at once only the first moves house.
        if (server === asked) {
          if (server !== given) throw error
          server = addressNamed(error, asked)
          const { region } = error.facts
          onMoved(server, typeof region === 'string' ? region : undefined)
        }
        return await call(server)
      }
    },
  }
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
