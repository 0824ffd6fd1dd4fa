/** Who makes a request, once proven: the facts that every later step decides on. */
import type { Placement } from '../core/keys.js'

export interface Caller extends Placement {
  readonly person: string
  /** Of the placement that is open here. */
  readonly epoch: number
  /** The handset whose token it is; null for a browser's session. */
  readonly device: string | null
  readonly session: boolean
  /** A handset whose owner has not agreed to its sending photos, or took that back. */
  readonly mayNotSend?: true
}
