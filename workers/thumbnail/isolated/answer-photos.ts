/**
 * The life of a decoder process: one original after the other comes in through the channel, and what became of it goes out. It ends
 * itself, by signals that tell why: SIGKILL when the worker is gone, `memorySignal` when a photo takes too much memory.
 *
 * Its arguments are the worker's process id and how many bytes of memory it may take.
 */
import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Developed } from '../developed.js'
import { Unreadable } from '../unreadable.js'
import { frameOf, readFrames } from './frames.js'
import { openWatchdog } from './watchdog.js'
import { type Answer, type Asked, channelFd, encodeDeveloped } from './wire.js'

export async function answerPhotos(develop: (original: Buffer, options: { now: Date }) => Promise<Developed>) {
  // They are sent to whole groups of processes; the worker hears them too, and says what becomes of this one.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  offerToOutOfMemory()
  const [workerPid, memoryBytes] = process.argv.slice(2).map(Number) as [number, number]
  const watchdog = await openWatchdog({ workerPid, memoryBytes })
  const channel = new Socket({ fd: channelFd })
  channel.on('error', endNow)
  const reader = readFrames(channel)
  const say = (answer: Answer, blobs: readonly Buffer[] = []) => {
    channel.cork()
    for (const bytes of [frameOf(answer), ...blobs]) channel.write(bytes)
    channel.uncork()
  }

  // Asked for while a photo is developed, so that the end of the channel is noticed at any time.
  let asking = reader.head().catch(endNow)
  say({ is: 'ready' })
  for (;;) {
    const { sizeBytes, nowMs } = (await asking) as Asked
    const original = await reader.bytes(sizeBytes).catch(endNow)
    say({ is: 'began' })
    asking = reader.head().catch(endNow)
    watchdog.watch()
    const { answer, blobs } = await outcome(() => develop(original, { now: new Date(nowMs) }))
    watchdog.rest()
    say(answer, blobs)
  }
}

async function outcome(develop: () => Promise<Developed>): Promise<{ answer: Answer; blobs: Buffer[] }> {
  try {
    const { head, blobs } = encodeDeveloped(await develop())
    return { answer: head, blobs }
  } catch (error) {
    return { answer: complaint(error), blobs: [] }
  }
}

function complaint(error: unknown): Answer {
  if (error instanceof Unreadable) {
    const { reason, cause } = error
    return { is: 'unreadable', reason, cause: cause instanceof Error ? cut(cause.message) : null }
  }
  return { is: 'failed', error: cut(error instanceof Error ? (error.stack ?? error.message) : String(error)) }
}

/** When the machine runs out of memory, Linux ends this process before any that has more to lose. */
function offerToOutOfMemory(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not Linux, or not to be had here: then it is chosen as any other.
  }
}

/** At once: exiting would wait for native threads, which are busy with what nobody wants any more. */
function endNow(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process has been killed')
}

/** Bounded, so that it fits in a frame; the worker makes it fit for its log. */
function cut(text: string): string {
  return text.slice(0, textCharsMax)
}

const textCharsMax = 4_000
