/**
 * Keeps a mirror in step with a person's feed for as long as it is let: reads pages until there is no more, then waits for the
 * server to say that something changed. Such a word may be lost, so it looks by itself every minute too. It goes on through
 * restarts, breaks, resets and moves to another region; it ends by its signal, or when the server will not have it (the
 * token), with an AppError. What one person had is never added to another's. Every wait has an end. Touches the network, and
 * the store that it is given.
 */
import { AppError, isAppError } from '../core/errors.js'
import { type ApiOptions, makeApi } from './api.js'
import { backOffMs, makeBell } from './bell.js'
import { readEvents } from './events.js'
import { type Change, type ChangesPage, makeFeedApi } from './feed-api.js'
import { makeHome } from './home.js'
import { mirrorOfText, textOfMirror } from './kept-mirror.js'
import { type Mirror, makeMirror } from './mirror.js'
import { wait } from './wait.js'

/**
 * Where a mirror is kept between runs, with the id of the person whose it is: a server that says that the token is somebody
 * else's makes it begin anew, and so does a text that was cut off or damaged. Until the server has said whose the token is, what
 * events carry is what was kept: give each person a store of their own where one must not see it of the other even for a moment.
 */
export interface MirrorStore {
  load(): Promise<string | undefined>
  /** Should leave either the old text or the new one, whatever happens meanwhile: what is neither costs reading all anew. */
  save(text: string): Promise<void>
}

export type FollowEvent =
  /** A page was applied. */
  | { readonly kind: 'page'; readonly changes: readonly Change[]; readonly reset: boolean }
  /** The mirror is what the server had a moment ago. */
  | { readonly kind: 'in-step'; readonly cursor: string | undefined }
  /** The server cannot be read for now; it is tried again. */
  | { readonly kind: 'away'; readonly reason: AppError }
  | { readonly kind: 'moved'; readonly server: string; readonly region: string | undefined }

export interface FollowOptions {
  server: string
  token: string
  /** Default: what the store holds, else an empty one. */
  mirror?: Mirror
  /** Saved to whenever the mirror is in step and was not before; a crash in between only means reading some pages again. */
  store?: MirrorStore
  signal?: AbortSignal
  /** Must not throw. The mirror may be read inside of it, and at any time between; it is another one when what was kept was somebody else's. */
  onChange?: (event: FollowEvent, mirror: Mirror) => void
  /** Changes in a page; default: what the server gives. */
  pageEntries?: number
  /** Default 60,000. */
  lookEveryMs?: number
  /** Delay before a second attempt, doubled for each further one; default 500. */
  firstDelayMs?: number
  /** For one request; default 30,000. */
  timeoutMs?: number
  random?: () => number
}

const delayMaxMs = 60_000
/** However long a server asks to be left alone. */
const retryAfterMaxMs = 10 * 60_000

/** Never resolves. Rejects with the signal's reason, or with the AppError for which going on makes no sense. */
export async function follow(options: FollowOptions): Promise<never> {
  const { lookEveryMs = 60_000, firstDelayMs = 500, random = Math.random, onChange = () => {} } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const reader = await makeReader(options, signal)
  const news = makeBell(signal)
  const listening = listen(options, () => reader.server, news.ring, signal).catch((error: unknown) => {
    if (!signal.aborted) stop.abort(error)
  })
  let answered = false
  let failures = 0
  try {
    for (;;) {
      try {
        await reader.readToEnd()
        answered = true
        failures = 0
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof AppError) || !passes(error, answered)) throw error
        onChange({ kind: 'away', reason: error }, reader.mirror)
        await wait(pauseMs(error, ++failures, firstDelayMs, random), signal)
        continue
      }
      await news.wait(lookEveryMs * (0.9 + 0.2 * random()))
    }
  } finally {
    stop.abort()
    await listening
  }
}

/** Reads to the end of the feed once, and resolves with the mirror. Rejects like `follow`, and when the server stays away. */
export async function catchUp(options: FollowOptions): Promise<Mirror> {
  const reader = await makeReader(options, options.signal ?? new AbortController().signal)
  await reader.readToEnd()
  return reader.mirror
}

interface Reader {
  readonly mirror: Mirror
  /** The one that is asked now. */
  readonly server: string
  readToEnd(): Promise<void>
}

async function makeReader(options: FollowOptions, signal: AbortSignal): Promise<Reader> {
  const { store, onChange = () => {}, pageEntries } = options
  const kept = options.mirror ? undefined : mirrorOfText((await store?.load()) ?? '')
  let mirror = options.mirror ?? kept?.mirror ?? makeMirror()
  /** Known once it matters. */
  let account: string | undefined
  let { server } = options
  const homeOf = (given: string) =>
    makeHome(given, (named, region) => {
      server = named
      onChange({ kind: 'moved', server, region }, mirror)
    })
  let home = homeOf(server)
  const atHome = async <T>(call: (options: ApiOptions) => Promise<T>): Promise<T> => {
    try {
      return await home.at(at => call({ ...callOptions(options, signal), server: at }))
    } finally {
      // Over the years a person may move again, and back: each answer may point on once.
      home = homeOf(server)
    }
  }
  const readPage = (asked: string | undefined) => atHome(api => makeFeedApi(api).changes(asked, pageEntries))
  const learnAccount = async () => {
    const { id } = await atHome(api => makeApi(api).me())
    if (kept && kept.account !== id) mirror = makeMirror()
    account = id
  }
  return {
    get mirror() {
      return mirror
    },
    get server() {
      return server
    },
    async readToEnd() {
      if (store && account === undefined) await learnAccount()
      const before = mirror.cursor
      for (let more = true; more; ) {
        const asked = mirror.cursor
        const page = await orListing(readPage, asked)
        if (page.more && page.cursor === asked) {
          throw new AppError('invalid', `${server} does not answer like a photosync server: its feed does not move on`)
        }
        mirror.apply(page, asked)
        onChange({ kind: 'page', changes: page.changes, reset: page.reset === true }, mirror)
        more = page.more
      }
      if (store && account !== undefined && mirror.cursor !== before)
        await store.save(textOfMirror({ account, mirror }))
      onChange({ kind: 'in-step', cursor: mirror.cursor }, mirror)
    },
  }
}

/** A cursor that the server does not know (it was restored from a backup, say) is worth no more than one that is too old. */
async function orListing(
  readPage: (asked: string | undefined) => Promise<ChangesPage>,
  asked: string | undefined,
): Promise<ChangesPage> {
  try {
    return await readPage(asked)
  } catch (error) {
    if (asked === undefined || !isAppError(error, 'invalid')) throw error
    return { ...(await readPage(undefined)), reset: true }
  }
}

/** One connection after another for the server's word; it only rings, and leaves every judgement to whoever reads. */
async function listen(
  options: FollowOptions,
  serverNow: () => string,
  ring: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { token, firstDelayMs = 500, random = Math.random } = options
  let lastEventId: string | undefined
  for (let failures = 0; ; failures++) {
    let reason: AppError | undefined
    try {
      for await (const { event, id } of readEvents({ server: serverNow(), token, signal, lastEventId })) {
        failures = 0
        lastEventId = id
        if (event === 'changes') ring()
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof AppError)) throw error
      reason = error
      // The token or the home: a page tells what is the matter.
      if (error.kind === 'unauthenticated' || error.kind === 'misdirected') ring()
    }
    await wait(pauseMs(reason, failures + 1, firstDelayMs, random), signal)
  }
}

function callOptions({ token, firstDelayMs = 500, timeoutMs }: FollowOptions, signal: AbortSignal) {
  return { token, signal, firstDelayMs, attemptsMax: 3, ...(timeoutMs !== undefined && { timeoutMs }) }
}

function pauseMs(reason: AppError | undefined, failures: number, firstDelayMs: number, random: () => number): number {
  const askedMs = Math.min(retryAfterMaxMs, (reason?.retryAfterSeconds ?? 0) * 1000)
  return Math.max(askedMs, backOffMs(failures, firstDelayMs, delayMaxMs, random))
}

/** At first a wrong address is told; once the server has answered, nonsense is a proxy's, or a move's, and passes. */
function passes({ kind }: AppError, answered: boolean): boolean {
  if (kind === 'held' || kind === 'too_many' || kind === 'unavailable') return true
  return answered && kind !== 'unauthenticated' && kind !== 'forbidden'
}
