/**
 * Sign-in of one user with one password, by HTTP Basic (RFC 7617), for pages that only operators see. Wrong passwords are answered one
 * after another, each after a pause, so that nobody guesses faster by asking more at once; beyond a few that wait for that, nobody
 * is let in for the moment. Counts in this process alone.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { onRequestAsyncHookHandler } from 'fastify'
import { AppError } from '../core/errors.js'
import { problem, sendProblem } from './problem.js'

const pauseMs = 500
const waitingMax = 10

/** A hook that lets those pass who know both. */
export function basicSignIn({ user, password }: { user: string; password: string }): onRequestAsyncHookHandler {
  const right = digest(`${user}:${password}`)
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  return async (request, reply) => {
    if (waiting >= waitingMax) {
      throw new AppError('too_many', 'Too many wrong passwords at once; try again in a moment', {
        retryAfterSeconds: Math.ceil((pauseMs * waitingMax) / 1_000),
      })
    }
    const given = readCredentials(request.headers.authorization)
    if (given !== undefined && timingSafeEqual(digest(given), right)) return
    // A browser asks without any first: that is no guess.
    if (given !== undefined) {
      waiting += 1
      last = last.then(() => sleep(pauseMs))
      await last
      waiting -= 1
    }
    const refusal = problem(401, 'unauthenticated', 'Sign in as the operator')
    refusal.headers['WWW-Authenticate'] = 'Basic realm="photosync", charset="UTF-8"'
    return sendProblem(reply, refusal)
  }
}

/** "user:password"; undefined when there is none, or none that can be read. */
export function readCredentials(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  return text.includes(':') ? text : undefined
}

/** Of one length, whatever was given, so that comparing takes the same time for all. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
