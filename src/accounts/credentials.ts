/**
 * Secrets that prove who calls: made here, shown once, kept as SHA-256 only. 256 random bits need no slow hash, and a lookup
 * by hash leaks nothing by its time.
 *
 *   device token    ps1.<region id>.<43 base64url characters>   says where it belongs, so that the wrong region can answer 421
 *   session, link   <43 base64url characters>
 */
import { createHash, randomBytes } from 'node:crypto'

export type NewSecret = () => string

/** 32 random bytes as 43 base64url characters. */
export const newSecret: NewSecret = () => randomBytes(32).toString('base64url')

export function isSecret(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text)
}

export function formatDeviceToken(region: string, secret: string): string {
  return `ps1.${region}.${secret}`
}

/** The region that a device token names, or undefined when the text isn't one. */
export function regionOfDeviceToken(token: string): string | undefined {
  return /^ps1\.([a-z0-9-]{1,40})\.[A-Za-z0-9_-]{43}$/.exec(token)?.[1]
}

/** What is kept of a secret or a device token: SHA-256 of its whole text. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
