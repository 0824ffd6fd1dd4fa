/** What a push can be told. */
import type { Found } from './gallery-files.js'
import type { PushEvent } from './push-events.js'
import type { ResumeStore } from './resume-store.js'
import type { WatchOptions } from './watch.js'

export interface PushOptions {
  /** Base address of the API, e.g. `https://us-west-2.photos.example`. */
  server: string
  /** A device token. */
  token: string
  /** Folders, walked to their ends. */
  dirs?: readonly string[]
  /** Single files. */
  files?: readonly string[]
  /** Goes on with what comes into the folders, whatever the server does meanwhile; resolves when the signal aborts. */
  watch?: Omit<WatchOptions, 'failed'>
  /** What a walk of your own finds, besides. */
  gallery?: Iterable<Found> | AsyncIterable<Found>
  /** Uploads at a time at most, 1–64; without it as many as bring throughput. */
  concurrency?: number
  /** Photos that their owner deleted are sent again, or taken out of the trash; without it they stay deleted. */
  restore?: boolean
  /** Only asks what is missing: nothing is sent and nothing changed. */
  dryRun?: boolean
  /**
   * A folder where is remembered what files hold, so that unchanged ones are not read again, and which uploads were begun, so
   * that a later push goes on with them. Made if it isn't there.
   */
  stateDir?: string
  /** Where begun uploads are remembered instead. */
  resume?: ResumeStore
  /** Ends the push at once; what is stored by then stays. */
  signal?: AbortSignal
  /** The last event is the `end`, also where this rejects. Must not throw. */
  onProgress?: (event: PushEvent) => void
  /** Delay before a second attempt at anything, doubled for each further one; default 500. */
  firstDelayMs?: number
  /** A connection on which nothing moves for this long is given up and tried anew; default 60,000. */
  stallMs?: number
  /**
   * A server that is away, or refuses everything, is waited for so long since it last took something; then the push ends. Default
   * 300,000; a watch waits for however long it takes.
   */
  awayMaxMs?: number
  random?: () => number
}
