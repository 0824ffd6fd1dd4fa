/**
 * What answers say of an upload, and how errors are put in the draft's words: pure.
 *
 * Where the draft and our promises pull apart: the last request of an upload that is stored, sent again, gets its receipt, where older
 * drafts refuse it; and a request that brings more than the announced length is refused without making the upload unusable.
 */
import { AppError, isAppError } from '../../core/errors.js'
import { limits } from '../../core/limits.js'
import type { Creation } from '../contract.js'
import { receiptHeaders, receiptOf } from '../receipt.js'
import type { Upload } from '../upload.js'
import { type Dialect, partialUpload } from './dialect.js'
import type { AppendRequest } from './headers.js'
import { type ProblemType, problemTitles, problemTypes } from './problem-types.js'

export type Headers = Record<string, string>

/** Goes with every answer. */
export function commonHeaders({ version }: Dialect): Headers {
  return {
    'Cache-Control': 'no-store',
    ...(version !== undefined && { 'Upload-Draft-Interop-Version': String(version) }),
  }
}

/** Where the upload is, whether it is complete, what limits it has, and the receipt of one that is stored. */
export function stateOf(upload: Upload, dialect: Dialect, now: Date): Headers {
  const isDone = upload.state === 'done'
  const headers: Headers = {
    'Upload-Offset': String(upload.offsetBytes),
    [dialect.completeness]: isDone === (dialect.completeness === 'Upload-Complete') ? '?1' : '?0',
    'Upload-Limit': isDone ? generalLimits : uploadLimits(upload, dialect, now),
  }
  if (upload.sizeBytes !== null) headers['Upload-Length'] = String(upload.sizeBytes)
  const receipt = isDone ? receiptOf(upload) : undefined
  return receipt ? { ...headers, ...receiptHeaders(receipt) } : headers
}

const generalLimits = `min-size=0, max-size=${limits.uploadSizeBytes}`

export function uploadLimits({ expiresAt }: Pick<Upload, 'expiresAt'>, { lifetime }: Dialect, now: Date): string {
  const leftMs = Math.max(expiresAt.getTime() - now.getTime(), 0)
  return `${generalLimits}, ${lifetime}=${Math.floor(leftMs / 1000)}`
}

/** How to upload here, for OPTIONS. Whoever asks that may not have chosen a dialect yet. */
export const offer = { 'Upload-Limit': generalLimits, 'Accept-Patch': partialUpload } as const

/** The error of a creation that was refused, in view of what it announced. */
export function refusedCreation(error: unknown, { sizeBytes }: Creation): unknown {
  if (!isAppError(error)) return error
  const isBeyond = error.kind === 'too_large' && sizeBytes !== undefined && sizeBytes <= limits.uploadSizeBytes
  return isBeyond || saysOtherLength(error) ? retyped(error, problemTypes.inconsistentLength) : error
}

/** The error of an append that was refused, in view of where its upload is now. */
export function refusedAppend(error: AppError, request: AppendRequest, upload: Upload, dialect: Dialect): AppError {
  const { offset, content } = request
  if (error.kind === 'conflict') {
    return new AppError('conflict', `The upload is at byte ${upload.offsetBytes}. Continue from there`, {
      cause: error,
      facts: {
        type: problemTypes.mismatchingOffset,
        'expected-offset': upload.offsetBytes,
        'provided-offset': offset,
      },
    })
  }
  const isRefused = error.kind === 'invalid' || error.kind === 'too_large'
  if (isRefused && upload.state === 'done' && content.announcedBytes !== 0) return retyped(error, dialect.completedType)
  const isBeyond = error.kind === 'too_large' && upload.sizeBytes !== null
  return isBeyond || saysOtherLength(error) ? retyped(error, problemTypes.inconsistentLength) : error
}

/** The engine tells the length that it knows. */
const saysOtherLength = ({ kind, facts }: AppError): boolean =>
  kind === 'invalid' && typeof facts.sizeBytes === 'number'

function retyped(error: AppError, type: ProblemType): AppError {
  return new AppError('invalid', error.message, { facts: { type }, cause: error })
}

/** The problem type that an error names, and its title. */
export function typeOf(error: unknown): { type: string; title: string } | undefined {
  if (!isAppError(error)) return undefined
  const named = error.kind === 'checksum_mismatch' ? problemTypes.mismatchedDigest : error.facts.type
  const title = problemTitles[named as ProblemType]
  return title === undefined ? undefined : { type: named as ProblemType, title }
}
