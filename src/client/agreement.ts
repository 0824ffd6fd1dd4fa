/**
 * Before anything of a gallery goes out: whose token it is, and whether they agreed to sending. Asks the server these two things
 * in one request that carries the token and nothing else; later, now and then, only whether they still agree, so that a no reaches
 * a push that runs for long.
 */
import { AppError } from '../core/errors.js'
import { type ApiOptions, makeApi } from './api.js'
import type { Home } from './home.js'
import { isAway, isNonsense, isPassing } from './problem.js'

/** How old a yes may be when something goes out. */
const ageMaxMs = 60_000

export interface AgreementOptions {
  /** How old a yes may be; default 60,000 ms. */
  oldestMs?: number
  /** How the first question is put, for those who wait for a server that is away; default: once. */
  patiently?: <T>(ask: () => Promise<T>) => Promise<T>
}

/**
 * Each call resolves with the person's id, once they are known to agree. It rejects with `forbidden` and the fact
 * `consent: 'sync'` when they have not agreed, or took it back; otherwise as `me`. A yes outlives a server that is away.
 */
export function makeAgreement(
  home: Home,
  options: (server: string) => ApiOptions,
  { oldestMs = ageMaxMs, patiently = ask => ask() }: AgreementOptions = {},
): () => Promise<string> {
  let asked: Promise<string> | undefined
  let answeredMs = Number.NEGATIVE_INFINITY
  const askAgain = async (before: Promise<string> | undefined): Promise<string> => {
    const person = await before?.catch(() => undefined)
    if (person === undefined) return await patiently(() => askFirst(home, options))
    await askStill(home, options)
    return person
  }
  return () => {
    if (asked && performance.now() - answeredMs <= oldestMs) return asked
    answeredMs = Number.POSITIVE_INFINITY // whoever comes before the answer waits for the same
    asked = askAgain(asked).finally(() => {
      answeredMs = performance.now()
    })
    asked.catch(() => {}) // it is for whoever waits for it
    return asked
  }
}

async function askFirst(home: Home, options: (server: string) => ApiOptions): Promise<string> {
  return await home.at(async server => {
    const { id, agreesToSync } = await makeApi(options(server)).me()
    if (!agreesToSync) throw notAgreed(server)
    return id
  })
}

async function askStill(home: Home, options: (server: string) => ApiOptions): Promise<void> {
  try {
    await home.at(async server => {
      const { sync } = await makeApi(options(server)).consents()
      if (!sync.granted) throw notAgreed(server)
    })
  } catch (error) {
    if (!isAway(error) && !isPassing(error) && !isNonsense(error)) throw error
  }
}

function notAgreed(server: string): AppError {
  const sentence = `the owner of this token has not agreed to sending photos to ${server}, or took that back, so nothing is sent`
  return new AppError('forbidden', sentence, { facts: { consent: 'sync' } })
}
