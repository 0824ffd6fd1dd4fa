/** Passwords: their rules, and argon2id with the parameters that OWASP's Password Storage Cheat Sheet names first for it. */
import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'

/** 19 MiB, two passes, one lane; the algorithm is argon2id unless told otherwise. */
const argon2Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Rejects with `invalid` when the password is too short or too long. Length is counted in code points. */
export async function hashPassword(password: string): Promise<string> {
  const { passwordCharsMin, passwordCharsMax } = limits
  const chars = [...password].length
  if (chars < passwordCharsMin || chars > passwordCharsMax) {
    throw new AppError(
      'invalid',
      `A password has ${passwordCharsMin} to ${passwordCharsMax} characters. Choose another`,
    )
  }
  return hash(sameBytes(password), argon2Options)
}

/**
 * Whether the password is the one that was hashed. Does the same work when there is nothing to compare with, so that the time
 * doesn't tell which addresses have an account.
 */
export async function verifyPassword(hashed: string | undefined, password: string): Promise<boolean> {
  const matches = await verify(hashed ?? (await nobodysHash()), sameBytes(password))
  return matches && hashed !== undefined
}

/** Keyboards differ in how they compose a letter (NIST SP 800-63B §3.1.1.2 asks for one normal form). */
function sameBytes(password: string): string {
  return password.normalize('NFKC')
}

let nobody: Promise<string> | undefined
function nobodysHash(): Promise<string> {
  nobody ??= hash(randomBytes(32), argon2Options)
  return nobody
}
