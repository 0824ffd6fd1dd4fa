/**
 * How many uploads at a time: as many as bring throughput, and no more. Few large files fill a link, many small ones need many
 * in flight on a long one, and nobody knows beforehand which it is; so it tries. It measures bytes per second over windows of
 * somewhat more than a round trip; doubles while that brings something; then tries a little more and a little less by turns
 * and stays where it is best, at the lower of two that bring the same, so that no queue builds up in the link. It goes down at
 * once when connections break or the server asks for less. Knows no network, no timer and no clock but the one it is given.
 */
export interface PaceOptions {
  /** Default 2. */
  min?: number
  /** Default 64. */
  max?: number
  /** To begin with; default 4. */
  start?: number
  /** Milliseconds from any beginning, never going back; default `performance.now`. */
  now?: () => number
}

/** How a turn ended: `done`; a connection broke (`lost`); the server wants less, 429 or 503 (`refused`); other reasons (`failed`). */
export type TurnOutcome = 'done' | 'lost' | 'refused' | 'failed'

export interface Pace {
  /** How many may be under way now. */
  readonly limit: number
  readonly active: number
  /** A connection broke within the last minute: what is worth resuming is better sent so that it can be. */
  readonly isShaky: boolean
  /**
   * Waits for a turn to send so many bytes, first come first served; rejects with the signal's reason once it aborts. Each turn ends
   * with one `release`.
   */
  acquire(signal?: AbortSignal, bytes?: number): Promise<void>
  /** `bytes`: of the file, when it is there. */
  release(outcome: TurnOutcome, bytes?: number): void
  /** So many more bytes of any file went out. */
  moved(bytes: number): void
  /** Something went wrong in the middle of a turn, which goes on. */
  trouble(kind: 'lost' | 'refused'): void
}

/** A window is as long as it takes to do as many turns as there are at a time: a round trip and somewhat more for small files. */
const windowMinMs = 300
/**
 * Turns of large files take longer than is good to wait for; the bytes that they give to their connections are counted instead. What
 * a new connection's buffer swallows at first looks like throughput, so this is long, and nothing is doubled on it: a large file
 * keeps its connection busy for many round trips, and a few of them fill any link that loses little.
 */
const windowMaxMs = 5_000
/** Doubling has to bring so much to be done again, or just to be kept. */
const worthDoubling = 1.25
const worthKeeping = 1.1
/** A trial that brings so much shows that the link has more to give, so that doubling goes on from there. */
const worthDoublingAgain = 1.15
/** A trial has to bring so much to be kept: more uploads have to earn it, fewer only must not cost. */
const worthMore = 1.06
const worthFewer = 0.97
const trialFactor = 1.3
/** Windows between two trials: what is measured there is the average over all of them. */
const restWindows = 3
/** A trial is measured over so many: what one window shows is too rough for a small step. */
const trialWindows = 2
/** Windows without a trial after the server asked for less. */
const refusedWindows = 8
const shakyMs = 60_000
/** Until a level is found, no more begin than have so much to send together: the last of many large ones would have small shares of the link. */
const beginBytes = 8 * 1024 * 1024
const factorOf = { lost: 0.7, refused: 0.5 } as const

interface Level {
  limit: number
  rate: number
}

export function makePace(options: PaceOptions = {}): Pace {
  const { min = 2, max = 64, start = 4, now = () => performance.now() } = options
  const clamp = (limit: number) => Math.max(min, Math.min(max, Math.round(limit)))
  /** Fewer than this spare nothing and leave gaps between one file and the next, so only trouble leads there. */
  const fewest = clamp(6)
  const waiting: { turn: () => void; bytes: number }[] = []
  let active = 0
  let limit = clamp(start)
  /** Doubling; or resting at a level that was found, between trials. */
  let phase: 'doubling' | 'resting' | 'trying' = 'doubling'
  let base: Level | undefined
  let trialUp = true
  let restWindowsNow = 0
  let lostMs = Number.NEGATIVE_INFINITY
  /** While a change of the limit shows its effect, nothing is measured. */
  let window = { fromMs: now(), settling: true, turns: 0, doneBytes: 0, movedBytes: 0, full: false, hurt: false }

  const open = (settling: boolean) => {
    window = {
      fromMs: now(),
      settling,
      turns: 0,
      doneBytes: 0,
      movedBytes: 0,
      full: active >= limit || waiting.length > 0,
      hurt: false,
    }
  }
  const set = (next: number) => {
    limit = clamp(next)
    open(true)
    wake()
  }
  const rest = (level: Level) => {
    phase = 'resting'
    base = level
    restWindowsNow = restWindows
    if (level.limit === limit) open(false)
    else set(level.limit)
  }

  /** After a window of doubling: on, or back to where it brought something. */
  const afterDoubling = (rate: number) => {
    const grown = base ? rate / base.rate : Number.POSITIVE_INFINITY
    if (base && grown < worthKeeping) return rest({ ...base, limit: Math.max(base.limit, fewest) })
    if (grown < worthDoubling || limit === max) return rest({ limit, rate })
    base = { limit, rate }
    set(limit * 2)
  }
  const afterResting = (rate: number) => {
    base = { limit, rate }
    if (limit === max) trialUp = false
    if (limit <= fewest) trialUp = true
    phase = 'trying'
    set(trialUp ? Math.max(limit + 1, limit * trialFactor) : Math.max(fewest, Math.min(limit - 1, limit / trialFactor)))
  }
  const afterTrying = (rate: number, byTurns: boolean) => {
    const grown = base ? rate / base.rate : 1
    if (byTurns && trialUp && grown >= worthDoublingAgain) {
      phase = 'doubling'
      base = { limit, rate }
      return set(limit * 2)
    }
    const kept = grown >= (trialUp ? worthMore : worthFewer)
    // What helped is tried again, what did not is tried the other way.
    if (!kept) trialUp = !trialUp
    rest(kept || !base ? { limit, rate } : base)
  }

  /** Looks whether the window is over, and acts on what it showed. */
  const look = () => {
    const lengthMs = now() - window.fromMs
    const windows = window.settling || phase === 'doubling' ? 1 : phase === 'trying' ? trialWindows : restWindowsNow
    const turned = window.turns >= limit * windows && lengthMs >= windowMinMs * windows
    if (!turned && lengthMs < windowMaxMs * windows) return
    if (window.settling) return open(false)
    const byTurns = turned && window.doneBytes > 0
    const rate = (byTurns ? window.doneBytes : window.movedBytes) / lengthMs
    // Turns that nobody takes say nothing about the link; nor does a silence.
    if (!window.full || rate === 0) return open(false)
    if (phase === 'doubling') byTurns ? afterDoubling(rate) : rest({ limit: Math.min(limit, active), rate })
    else if (phase === 'resting') afterResting(rate)
    else afterTrying(rate, byTurns)
  }

  const hasRoomFor = ({ bytes }: { bytes: number }) =>
    active < (phase === 'doubling' ? Math.min(limit, Math.max(fewest, beginBytes / bytes)) : limit)
  const wake = () => {
    for (let next = waiting[0]; next && hasRoomFor(next); next = waiting[0]) {
      active++
      waiting.shift()
      next.turn()
    }
    if (active >= limit || waiting.length > 0) window.full = true
  }

  /** Many connections break together, and many requests are refused together: that counts once in a window. */
  const hurt = (kind: 'lost' | 'refused') => {
    if (kind === 'lost') lostMs = now()
    if (window.hurt) return
    // A link that breaks again and again breaks for few as for many.
    set(Math.max(kind === 'lost' ? Math.min(limit, fewest) : min, Math.floor(limit * factorOf[kind])))
    window.hurt = true
    phase = 'resting'
    restWindowsNow = kind === 'lost' ? 1 : refusedWindows
  }

  return {
    get limit() {
      return limit
    },
    get active() {
      return active
    },
    get isShaky() {
      return now() - lostMs < shakyMs
    },
    acquire: (signal, bytes = 0) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const turn = () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        }
        const waiter = { turn, bytes }
        const leave = () => {
          waiting.splice(waiting.indexOf(waiter), 1)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', leave, { once: true })
        waiting.push(waiter)
        wake()
      }),
    release(outcome, bytes = 0) {
      if (active === 0) throw new Error('a turn was released that nobody had')
      active--
      window.turns++
      window.doneBytes += bytes
      if (outcome === 'lost' || outcome === 'refused') hurt(outcome)
      look()
      wake()
    },
    moved(bytes) {
      window.movedBytes += bytes
      look()
    },
    trouble: hurt,
  }
}
