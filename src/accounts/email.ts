/** E-mail addresses: what is accepted, and the form in which two of them are the same. Pure. */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'

export interface Email {
  /** As it was typed, without spaces around it. */
  readonly typed: string
  /** Unicode NFKC, lower case: what is unique and what sign-in compares. */
  readonly folded: string
}

/** Only the form is checked: whether an address exists is for its owner's mail to say. */
export function parseEmail(text: string): Email | undefined {
  const typed = text.trim()
  const folded = foldEmail(typed)
  const fits = [typed, folded].every(form => form.length <= limits.emailChars)
  return fits && /^[^\s@\p{Control}]+@[^\s@\p{Control}]+$/u.test(folded) ? { typed, folded } : undefined
}

/** Rejects with `invalid` and what an address looks like. */
export function requireEmail(text: string): Email {
  const email = parseEmail(text)
  if (email) return email
  throw new AppError(
    'invalid',
    `Not an e-mail address. Give one such as ana@example.org, at most ${limits.emailChars} characters`,
  )
}

/** NFKC can bring capitals in (℡ → TEL), and lowering can undo NFKC, so both are done until nothing changes. */
function foldEmail(text: string): string {
  const lowered = text.normalize('NFKC').toLowerCase()
  return lowered.normalize('NFKC').toLowerCase().normalize('NFKC')
}
