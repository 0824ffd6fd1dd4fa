/**
 * A mirror as the text in which it is kept between runs, with whose it is. A text that was cut off or damaged anywhere, or is
 * something else, is none. Pure.
 */
import * as z from 'zod/mini'
import { isAppError } from '../core/errors.js'
import { type Mirror, restoreMirror } from './mirror.js'

export interface KeptMirror {
  /** The person's id. */
  readonly account: string
  readonly mirror: Mirror
}

const header = z.object({ account: z.string(), check: z.number() })

/** One line that says whose it is, and then the mirror. */
export function textOfMirror({ account, mirror }: KeptMirror): string {
  const text = mirror.serialize()
  return `${JSON.stringify({ account, check: checksum(account + text) })}\n${text}`
}

export function mirrorOfText(kept: string): KeptMirror | undefined {
  const end = kept.indexOf('\n')
  const said = header.safeParse(parse(kept.slice(0, Math.max(0, end))))
  if (!said.success) return undefined
  const { account, check } = said.data
  const text = kept.slice(end + 1)
  if (checksum(account + text) !== check) return undefined
  try {
    return { account, mirror: restoreMirror(text) }
  } catch (error) {
    if (!isAppError(error, 'invalid')) throw error
    return undefined // of another version
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** FNV-1a, over UTF-16: against accidents. */
function checksum(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
