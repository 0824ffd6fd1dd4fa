/**
 * The HTTP side of tus-js-client for blobs in a browser: XMLHttpRequest, which tells how much went out where fetch does not, and
 * an end to every request and every answer. tus-js-client's own waits for ever when nobody answers.
 */
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'
import { AppError } from '../core/errors.js'

/** A stretch of a blob. tus-js-client looks at `size` only and hands it on. */
export interface BlobSlice {
  readonly blob: Blob
  /** Bytes. */
  readonly size: number
  /** Called when the request broke: rejects when it was the blob that could not be read. */
  stillSame(): Promise<void>
}

export interface XhrOptions {
  /** A request on whose connection nothing moves for this long is given up, and so is an answer that takes longer once it has begun. */
  stallMs: number
  /** As bytes of content go out, those sent again included. Must not throw. */
  onBytes(sentBytes: number): void
}

export function makeXhrStack(options: XhrOptions): HttpStack {
  return { getName: () => 'photosync', createRequest: (method, url) => makeRequest(method, url, options) }
}

function makeRequest(method: string, url: string, { stallMs, onBytes }: XhrOptions): HttpRequest {
  const xhr = new XMLHttpRequest()
  const headers: Record<string, string> = {}
  let onProgress: (sentBytes: number) => void = () => {}
  xhr.open(method, url, true)
  return {
    getMethod: () => method,
    getURL: () => url,
    setHeader: (name, value) => {
      xhr.setRequestHeader(name, value)
      headers[name] = value
    },
    getHeader: name => headers[name],
    setProgressHandler: handler => {
      onProgress = handler
    },
    getUnderlyingObject: () => xhr,
    abort: async () => xhr.abort(),
    send: async (slice: BlobSlice | null) => {
      try {
        return await exchange(xhr, slice, stallMs, sentBytes => {
          onBytes(sentBytes.now)
          onProgress(sentBytes.all)
        })
      } catch (error) {
        await slice?.stillSame()
        throw error
      }
    },
  }
}

/** Ours are a sentence long. */
const answerBytesMax = 1024 * 1024

function exchange(
  xhr: XMLHttpRequest,
  slice: BlobSlice | null,
  stallMs: number,
  onSent: (sentBytes: { now: number; all: number }) => void,
): Promise<HttpResponse> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let sent = 0
  return new Promise<HttpResponse>((resolve, reject) => {
    const moves = () => {
      clearTimeout(timer)
      timer = setTimeout(() => giveUp('the server does not answer'), stallMs)
    }
    const giveUp = (reason: string) => {
      reject(new AppError('unavailable', reason))
      xhr.abort()
    }
    xhr.upload.onprogress = ({ loaded }) => {
      moves()
      onSent({ now: loaded - sent, all: loaded })
      sent = loaded
    }
    xhr.onreadystatechange = () => {
      if (xhr.readyState === XMLHttpRequest.HEADERS_RECEIVED) moves()
    }
    // One that trickles does not move the deadline that its beginning set.
    xhr.onprogress = ({ loaded }) => {
      if (loaded > answerBytesMax) giveUp('the server answers without end')
    }
    xhr.onload = () => resolve(answerOf(xhr))
    xhr.onerror = () => reject(new AppError('unavailable', 'the server cannot be reached, or the connection broke'))
    xhr.onabort = () => reject(new AppError('unavailable', 'the request was ended'))
    moves()
    xhr.send(slice?.blob ?? null)
  }).finally(() => clearTimeout(timer))
}

const answerOf = (xhr: XMLHttpRequest): HttpResponse => ({
  getStatus: () => xhr.status,
  getHeader: name => xhr.getResponseHeader(name) ?? undefined,
  getBody: () => xhr.responseText,
  getUnderlyingObject: () => xhr,
})
