/**
 * Ids: 128 random bits as 26 characters of Crockford's base 32, lower case. They say nothing about their owner, their
 * time or their neighbours, are safe in paths, keys and URLs, and cannot be guessed.
 */
import { randomBytes } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

export type NewId = () => string

export const newId: NewId = () => encodeBase32(randomBytes(16))

/** 16 bytes → 26 characters (the last one carries 3 bits). */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(buffer >>> bits) & 31]
    }
    buffer &= (1 << bits) - 1
  }
  return bits > 0 ? text + alphabet[(buffer << (5 - bits)) & 31] : text
}

/** Whether a text from outside has the form of an id; says nothing about whether it exists. */
export function isId(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{26}$/.test(text)
}
