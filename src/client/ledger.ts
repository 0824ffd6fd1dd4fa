/**
 * What a push knows of each content so far: how it ended, or that it is on its way and who waits for it. What has ended is kept
 * packed, a hundred bytes each, so that copies find it in a gallery of any size; what is on its way is bounded by the queues.
 * Pure.
 */
import { AppError } from '../core/errors.js'
import { makePackedTable } from './packed-table.js'

/** Sent by this push; there before it; deleted by its owner, and left so. */
export type Fate = 'sent' | 'there' | 'deleted'

export interface Known {
  readonly fate: Fate
  readonly photo: string
  /** The photo that it is a part of, or itself: where parts of it go. */
  readonly whole: string
}

export interface Ledger {
  /** `sha256` is lower-case hex, here and below. */
  known(sha256: string): Known | undefined
  /** Ids are short: at most 64 bytes, both together. */
  settle(sha256: string, fate: Fate, photo: string, whole?: string): void
  isUnderWay(sha256: string): boolean
  begin(sha256: string): void
  /** To be called when the one under way has ended, however it did. */
  wait(sha256: string, waiter: () => Promise<void>): void
  /** It is no longer under way; gives those who waited, who are to be called in turn. */
  end(sha256: string): readonly (() => Promise<void>)[]
}

const fates: readonly Fate[] = ['sent', 'there', 'deleted']
/** Two of 26 characters. */
const idsBytesMax = 64
const idsAt = 3

export function makeLedger(): Ledger {
  const settled = makePackedTable(32, idsAt + idsBytesMax)
  const underWay = new Map<string, (() => Promise<void>)[]>()
  return {
    known(sha256) {
      const value = settled.get(Buffer.from(sha256, 'hex'))
      if (!value) return undefined
      const [fate = 0, photoBytes = 0, wholeBytes = 0] = value
      const photo = value.toString('utf8', idsAt, idsAt + photoBytes)
      const wholeAt = idsAt + photoBytes
      const whole = wholeBytes > 0 ? value.toString('utf8', wholeAt, wholeAt + wholeBytes) : photo
      return { fate: fates[fate] as Fate, photo, whole }
    },
    settle(sha256, fate, photo, whole = photo) {
      const ids = [Buffer.from(photo), Buffer.from(whole === photo ? '' : whole)] as const
      const text = Buffer.concat(ids)
      if (text.length > idsBytesMax) {
        throw new AppError('invalid', 'The server names photos by something that is no id')
      }
      const value = Buffer.alloc(idsAt + idsBytesMax)
      value[0] = fates.indexOf(fate)
      value[1] = ids[0].length
      value[2] = ids[1].length
      text.copy(value, idsAt)
      settled.set(Buffer.from(sha256, 'hex'), value)
    },
    isUnderWay: sha256 => underWay.has(sha256),
    begin: sha256 => void underWay.set(sha256, []),
    wait: (sha256, waiter) => void underWay.get(sha256)?.push(waiter),
    end(sha256) {
      const waiters = underWay.get(sha256) ?? []
      underWay.delete(sha256)
      return waiters
    },
  }
}
