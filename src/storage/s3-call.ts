/** What the S3 bucket's calls share: where they go, how they end, what is made of their errors. */
import type { S3Client } from '@aws-sdk/client-s3'
import { orAborted } from './body.js'
import { s3Error } from './s3-errors.js'
import type { SendToBucket } from './s3-requests.js'

export interface S3Place {
  client: S3Client
  /** The bucket's name. */
  bucket: string
  /** For the calls that carry bytes; the client is for the others. */
  send: SendToBucket
}

/** One request, ended by the signal with its reason, its errors as AppErrors. */
export async function request<T>(
  signal: AbortSignal | undefined,
  send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await orAborted(send(signal ? { abortSignal: signal } : {}), signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw s3Error(error)
  }
}
