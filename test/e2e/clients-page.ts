/** Another site, whose pages send files by tus-js-client as its authors ship it for browsers, and one such page in a real one. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import type * as TusClient from 'tus-js-client'
import type { Receipt } from './clients-scene.js'

export interface Site {
  /** As browsers write it in `Origin`. */
  origin: string
  /** For its pages to send; resolves to the file's path there. */
  offer(content: Buffer): string
  close(): Promise<void>
}

const clientFile = createRequire(import.meta.url).resolve('tus-js-client/dist/tus.min.js')

export async function startSite(): Promise<Site> {
  const files = new Map<string, { type: string; content: Buffer }>([
    [
      '/',
      {
        type: 'text/html',
        content: Buffer.from('<!doctype html><title>A site</title><script src="/tus.js"></script>'),
      },
    ],
    ['/tus.js', { type: 'text/javascript', content: readFileSync(clientFile) }],
  ])
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    response.writeHead(file ? 200 : 404, { 'Content-Type': file?.type ?? 'text/plain' }).end(file?.content)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the site has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    offer: content => {
      const path = `/files/${files.size}`
      files.set(path, { type: 'image/jpeg', content })
      return path
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

export interface Errand {
  /** Of the upload endpoint's server. */
  server: string
  token: string
  /** Path of the file on the page's own site. */
  file: string
  options: Partial<TusClient.UploadOptions> & { protocol?: 'ietf-draft-03' | 'ietf-draft-05' }
  /** Begun by an earlier page, which left its address in localStorage. */
  resume?: boolean
  /** Gives it up once the server has told of so many bytes and a later page can go on. */
  untilBytes?: number
}

export interface Outcome {
  /** What the page could read of the last answer, if it was a good one. */
  receipt: Receipt
  /** Method and status of each answer that the page could read. */
  exchanges: string[]
  /** Bytes that were told to have come, over all requests. */
  bytes: number
  /** Why the client gave up. */
  error?: string
}

/** Sends a file from the page, once it is open. A client that gives up is an outcome, too. */
export function sendFrom(page: Page, errand: Errand): Promise<Outcome> {
  return page.evaluate(inPage, errand)
}

declare const tus: typeof TusClient

/** Runs in the browser: it knows nothing of this module. */
async function inPage({ server, token, file, options, resume = false, untilBytes }: Errand): Promise<Outcome> {
  const blob = await (await fetch(file)).blob()
  // The same for every page that opens it, so that its address is found again.
  const source = new File([blob], 'Strand & Meer.jpg', { type: 'image/jpeg', lastModified: 1_700_000_000_000 })
  const outcome: Outcome = { receipt: [null, null], exchanges: [], bytes: 0 }
  await new Promise<void>((resolve, reject) => {
    const upload = new tus.Upload(options.uploadLengthDeferred ? source.stream().getReader() : source, {
      endpoint: `${server}/v1/uploads`,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { filename: source.name, filetype: source.type },
      ...options,
      onAfterResponse: (request, response) => {
        outcome.exchanges.push(`${request.getMethod()} ${response.getStatus()}`)
        const xhr: XMLHttpRequest = response.getUnderlyingObject()
        outcome.receipt = [xhr.getResponseHeader('Photosync-Photo'), xhr.getResponseHeader('Photosync-Duplicate')]
      },
      onChunkComplete: (sizeBytes, acceptedBytes) => {
        outcome.bytes += sizeBytes
        if (untilBytes === undefined || acceptedBytes < untilBytes) return
        // In parallel, the addresses are stored once all of them are known.
        void upload.findPreviousUploads().then(previous => {
          if (previous.length > 0) upload.abort().then(resolve, reject)
        }, reject)
      },
      onSuccess: () => resolve(),
      onError: error => {
        // It doesn't try again by itself to put together what it sent in parallel: whoever uses it starts it again.
        if (options.retryDelays && options.parallelUploads && !('originalRequest' in error)) return upload.start()
        outcome.error = error.message
        resolve()
      },
    })
    if (!resume) return upload.start()
    upload.findPreviousUploads().then(([previous]) => {
      if (!previous) throw new Error('no earlier upload of this file is known')
      upload.resumeFromPreviousUpload(previous)
      upload.start()
    }, reject)
  })
  return outcome
}
