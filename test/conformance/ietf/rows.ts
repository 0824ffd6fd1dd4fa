/**
 * The form of the table that the draft is written out as: one row for each rule of a server, for the versions that have it.
 * https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/
 */
import type { Ietf, Version } from './client.js'

export interface Row {
  /** As the newest draft names it. */
  section: string
  level: 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'RECOMMENDED'
  rule: string
  /** Default: all. */
  of?: (version: Version) => boolean
  check: (ietf: Ietf) => Promise<void>
  needs?: 'expireAll'
  /** Where this server deliberately does not as the rule says: why. The check then shows what it does instead. */
  otherwise?: string
}

export const isNamed = (version: Version): boolean => version !== 'unnamed'
