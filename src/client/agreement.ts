/**
 * Before anything of a gallery goes out: whose token it is, and whether they agreed to sending. Asks the server these two things
 * in one request that carries the token and nothing else, and anew now and then, so that a no reaches a push that runs for long.
 */
import { AppError } from '../core/errors.js'
import { type ApiOptions, makeApi } from './api.js'
import type { Home } from './home.js'
import { isPassing } from './problem.js'

/** How old a yes may be when something goes out. */
const ageMaxMs = 60_000

/**
 * Each call resolves with the person's id, once they are known to agree. It rejects with `forbidden` and the fact
 * `consent: 'sync'` when they have not agreed, or took it back; otherwise as `me`. A yes outlives a server that is away.
 */
export function makeAgreement(
  home: Home,
  options: (server: string) => ApiOptions,
  oldestMs = ageMaxMs,
): () => Promise<string> {
  let asked: Promise<string> | undefined
  let askedMs = 0
  return () => {
    if (asked && performance.now() - askedMs <= oldestMs) return asked
    const before = asked
    askedMs = performance.now()
    asked = askAgreed(home, options).catch((error: unknown) => {
      if (before && isPassing(error)) return before
      throw error
    })
    asked.catch(() => {}) // it is for whoever waits for it
    return asked
  }
}

function askAgreed(home: Home, options: (server: string) => ApiOptions): Promise<string> {
  return home.at(async server => {
    const { id, agreesToSync } = await makeApi(options(server)).me()
    if (agreesToSync) return id
    const sentence = `the owner of this token has not agreed to sending photos to ${server}, or took that back, so nothing is sent`
    throw new AppError('forbidden', sentence, { facts: { consent: 'sync' } })
  })
}
