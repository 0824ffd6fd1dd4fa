/**
 * What a server may say of an upload, and what cannot be: an offset that is no number, lies beyond the file, or does not move
 * although the server took what was sent; another file's length; an address elsewhere. A client that believed such things would
 * send the same bytes for ever, or its token to strangers. Pure.
 */
import { AppError } from '../core/errors.js'
import { isOf } from './resume-store.js'

export interface ToldOfUpload {
  /** As its owner knows it, for sentences and for what may be an address of it. */
  readonly server: string
  readonly sizeBytes: number
  readonly method: string
  /** Whether content went out with the request. */
  readonly sent: boolean
  /** Upload-Offset of the request. */
  readonly from: string | undefined
  /** Upload-Offset and Upload-Length of the answer. */
  readonly offset: string | undefined
  readonly length: string | undefined
  /** The largest offset that was told before. */
  readonly highest: number
}

/** The offset that a successful answer tells, where it has to; undefined where it has not. Throws an AppError: `gone` begins anew, `invalid` ends it. */
export function offsetTold(told: ToldOfUpload): number | undefined {
  const { server, sizeBytes, method, sent, from, offset, length, highest } = told
  const asked = method === 'HEAD'
  if (!asked && !sent) return undefined
  if (asked && Number(length) !== sizeBytes) {
    throw new AppError('gone', `${server} has another upload at this address`)
  }
  const bytes = /^\d{1,16}$/.test(offset ?? '') ? Number(offset) : Number.NaN
  if (!(bytes <= sizeBytes)) throw new AppError('invalid', `${server} says of what arrived what cannot be`)
  if (asked && bytes < highest) throw new AppError('gone', `${server} has lost what it said had arrived`)
  if (sent && bytes <= Number(from ?? 0)) {
    throw new AppError('invalid', `${server} takes what is sent and says that nothing of it arrived`)
  }
  return bytes
}

/** The token goes along to that address, so it has to be the server's own. Throws `invalid`. */
export function requireOwnAddress(server: string, address: string): void {
  if (isOf(server, address)) return
  throw new AppError(
    'invalid',
    `${server} wants the file at an address elsewhere, where it is not sent: use that address`,
  )
}
