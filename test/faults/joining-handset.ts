/**
 * A handset that sends its file as several partial uploads, in any order and beside each other, and then has them put together. It
 * asks for that too early, twice at once, and again after an answer that was lost.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isAppError } from '../../src/core/errors.js'
import type { Upload } from '../../src/upload/upload.js'
import { type Handset, type HandsetOptions, type Sender, sender } from './handset.js'
import { BrokenPromise } from './transfer.js'

export function joiningHandset({ file, ...options }: HandsetOptions): Handset {
  const { random, engine, caller, mayBeLost, wait } = options
  let outcome: Handset['outcome']
  let receipt: Upload | undefined
  const left = new Set<Promise<unknown>>()

  const cuts = Array.from({ length: random.between(1, 3) }, () => random.between(0, file.content.length))
  const bounds = [0, ...cuts.sort((a, b) => a - b), file.content.length]
  const begin = (index: number): Sender =>
    sender({
      ...options,
      content: file.content.subarray(bounds[index], bounds[index + 1]),
      // A partial upload is no file, and has nothing said of it.
      metadata: '',
      kind: 'partial',
      // Its bytes are no multipart, which alone can be lost.
      mayBeLost: () => false,
      isEnding: false,
      habits: { ...options.habits, isFickle: false },
      random: random.fork(`${random.next()}`),
    })
  let senders = bounds.slice(1).map((_, index) => begin(index))

  const startAgain = async () => {
    await Promise.all(senders.map(({ settled }) => settled()))
    senders = senders.map((_, index) => begin(index))
  }

  const isComplete = () => senders.every(({ transfer }) => transfer.outcome === 'stored')

  const hear = (upload: Upload) => {
    if (upload.state !== 'done') throw new BrokenPromise(`put together, it is ${upload.state}`)
    if (receipt && receipt.storedAs !== upload.storedAs) throw new BrokenPromise('a second receipt differs')
    receipt = upload
    outcome = 'stored'
  }

  /** Asks for the whole of them. */
  const join = async () => {
    const partials = senders.map(({ transfer }) => transfer.id as string)
    const wasComplete = isComplete()
    const asked = senders
    try {
      const concat = `final;${partials.join(' ')}`
      hear(await engine().concatenate(caller, { metadata: file.metadata, partials, concat }))
    } catch (error) {
      if (!isAppError(error)) throw error
      if (error.kind === 'unavailable') return
      if (error.kind === 'held') return wait()
      if (error.kind === 'invalid' && !wasComplete) return
      if (error.kind === 'checksum_mismatch' && file.isWrong) {
        outcome = 'refused'
        return
      }
      if (error.kind !== 'gone' || !(mayBeLost() || file.isWrong)) {
        throw new BrokenPromise(`answered ${error.kind}: ${error.message}`, { cause: error })
      }
      if (asked === senders) await startAgain()
    }
  }

  const leave = (running: Promise<void>) => {
    const task = running.finally(() => left.delete(task))
    left.add(task)
    task.catch(() => {})
  }

  return {
    content: file.content,
    get outcome() {
      return outcome
    },
    get receipt() {
      return receipt
    },
    async step(calm) {
      const open = senders.filter(({ transfer }) => transfer.outcome !== 'stored')
      const [next] = open
      if (next) {
        const tooEarly = !calm && senders.every(({ transfer }) => transfer.id !== undefined) && random.chance(0.1)
        if (tooEarly) return join()
        return calm ? next.step(true) : random.pick(open as [Sender]).step(false)
      }
      if (calm || random.chance(0.6)) await join()
      else {
        leave(join())
        await sleep(random.between(0, 30))
      }
      if (receipt && random.chance(0.5)) await join()
    },
    async settled() {
      await Promise.all(senders.map(({ settled }) => settled()))
      while (left.size > 0) await Promise.all(left)
    },
  }
}
