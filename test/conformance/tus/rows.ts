/**
 * The form of the table that tus 1.0.0 is written out as: one row for each sentence that says what must, should or may be, in the
 * specification's order. https://tus.io/protocols/resumable-upload
 */
import type { Tus } from './client.js'

export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'SHALL NOT' | 'MAY'

export interface Sentence {
  section: string
  level: Level
  /** What the sentence asks, in short. */
  rule: string
}

/** Checked against a server. `needs`: what the service under test has to let a test do. */
export interface Checked extends Sentence {
  check: (tus: Tus) => Promise<void>
  needs?: 'expireAll' | 'stalling'
  /** Where this server deliberately does not as the sentence says: why. The check then shows what it does instead. */
  otherwise?: string
}

/** No server can keep or break it. */
export interface NotOurs extends Sentence {
  notOurs: string
}

export type Row = Checked | NotOurs

export const clientsDuty = 'its subject is the client'
export const clientsChoice = 'it allows the client something; rows on the server’s side of it follow'
