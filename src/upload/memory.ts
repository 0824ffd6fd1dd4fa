/**
 * The memory that bodies of uploads take in one process: a budget counted in bytes, not in requests. A slow client takes what it
 * sent and nothing else.
 *
 * Memory comes in slabs that are used again and again, since a process that receives gigabytes would else spend half of its time
 * on collecting buffers. What has arrived is always taken, so the budget is overdrawn by a slab for each connection at most. When
 * it is spent, in this order: bytes that are durable and only kept in case they're needed again are dropped; who has held most for
 * longest is pressed to make it durable and give the memory back; who wants more stops reading and waits, in the order of asking.
 */
const KiB = 1024

/** Small ones for those who send little, so that thousands of slow clients fit; large ones for those who send much. */
export const slabSizes = [1 * KiB, 16 * KiB, 64 * KiB, 256 * KiB] as const
const largest = slabSizes[3]
const typicalSlab = slabSizes[2]

/** Who takes memory. */
export interface Holder {
  /** receiving: may be pressed. busy: will give back soon. kept: durable already, dropped when memory is short. */
  state: 'receiving' | 'busy' | 'kept'
  /** Of its slabs, and since when it has any; kept by the memory. */
  takenBytes: number
  sinceMs: number
  /** Asked to give back: by making durable what it holds, or, of kept ones, at once. Says whether it will. */
  press(): boolean
}

export interface Memory {
  /** A slab for the next `wantedBytes`, or for the first of them. */
  take(holder: Holder, wantedBytes: number): Buffer
  /** Whether who can wait should. */
  isSpent(): boolean
  /** Calls back once it isn't spent any more. The returned function stops waiting. */
  wait(onRoom: () => void): () => void
  /** A holder has become a kept one. */
  noteKept(): void
  /** `reusable`: nobody reads them any more. Others are left to the collector. */
  giveBack(holder: Holder, slabs: readonly Buffer[], reusable: boolean): void
  readonly takenBytes: number
  /** Of them, those of kept ones. */
  keptBytes(): number
}

/** `nowMs` from any origin, never going back. */
export function makeMemory(budgetBytes: number, nowMs: () => number = () => performance.now()): Memory {
  const free = new Map<number, Buffer[]>(slabSizes.map(sizeBytes => [sizeBytes, []]))
  /** Pressing takes turns of so much, since a look at all holders for each slab would cost more than the slab. */
  const turnBytes = budgetBytes / 16
  const holders = new Set<Holder>()
  const pressed = new Set<Holder>()
  const waiting: (() => void)[] = []
  let takenBytes = 0
  let pooledBytes = 0

  const isSpent = (): boolean => takenBytes >= budgetBytes

  /** In the order in which they came to hold anything. */
  const dropKept = () => {
    for (const holder of holders) {
      if (!isSpent()) return
      if (holder.state === 'kept') holder.press()
    }
  }

  /** Slabs of a size that isn't wanted now make room for those that are. */
  const dropPooled = () => {
    for (const slabs of free.values()) {
      while (takenBytes + pooledBytes > budgetBytes && slabs.length > 0) {
        pooledBytes -= slabs.pop()?.byteLength ?? 0
      }
    }
  }

  const press = () => {
    let comingBytes = 0
    for (const holder of pressed) comingBytes += holder.takenBytes
    const wantedBytes = takenBytes - budgetBytes + waiting.length * typicalSlab
    if (comingBytes >= wantedBytes) return
    const candidates = [...holders].filter(holder => holder.state === 'receiving' && !pressed.has(holder))
    for (const holder of slowestFirst(candidates, nowMs())) {
      if (comingBytes >= Math.max(wantedBytes, turnBytes)) return
      pressed.add(holder)
      const givesBytes = holder.takenBytes
      if (holder.press()) comingBytes += givesBytes
      else pressed.delete(holder)
    }
  }

  /** As many go on as there is room for; those that then take more than that wait again. */
  const grant = () => {
    for (let roomBytes = budgetBytes - takenBytes; roomBytes > 0 && waiting.length > 0; roomBytes -= typicalSlab) {
      waiting.shift()?.()
    }
    if (waiting.length > 0) press()
  }

  return {
    take(holder, wantedBytes) {
      // Who has taken much is likely to need much more, but not from what isn't there.
      const wishBytes = isSpent() ? wantedBytes : Math.max(wantedBytes, holder.takenBytes)
      const sizeBytes = slabSizes.find(size => size >= wishBytes) ?? largest
      takenBytes += sizeBytes
      holder.takenBytes += sizeBytes
      holders.add(holder)
      if (isSpent()) dropKept()
      if (holder.takenBytes === sizeBytes) holder.sinceMs = nowMs()
      const slab = free.get(sizeBytes)?.pop()
      if (slab) pooledBytes -= sizeBytes
      else dropPooled()
      return slab ?? Buffer.allocUnsafeSlow(sizeBytes)
    },
    isSpent,
    wait(onRoom) {
      waiting.push(onRoom)
      // Not at once: who is pressed for it may be the one that asks, and must be able to stop waiting by then.
      queueMicrotask(grant)
      return () => {
        const index = waiting.indexOf(onRoom)
        if (index >= 0) waiting.splice(index, 1)
      }
    },
    giveBack(holder, slabs, reusable) {
      for (const slab of slabs) {
        const sizeBytes = slab.byteLength
        takenBytes -= sizeBytes
        holder.takenBytes -= sizeBytes
        if (!reusable || takenBytes + pooledBytes + sizeBytes > budgetBytes) continue
        pooledBytes += sizeBytes
        free.get(sizeBytes)?.push(slab)
      }
      if (holder.takenBytes === 0) holders.delete(holder)
      pressed.delete(holder)
      if (waiting.length > 0) grant()
    },
    noteKept() {
      if (isSpent()) dropKept()
    },
    get takenBytes() {
      return takenBytes
    },
    keptBytes: () => [...holders].reduce((sum, holder) => sum + (holder.state === 'kept' ? holder.takenBytes : 0), 0),
  }
}

/** Who is quick gives back soon without being asked. From who holds a little there is little to have, and each costs a write. */
function slowestFirst(holders: Holder[], nowMs: number): Holder[] {
  const weight = ({ takenBytes, sinceMs }: Holder) => takenBytes * (nowMs - sinceMs)
  const isLittle = ({ takenBytes }: Holder) => Number(takenBytes < typicalSlab)
  return holders.toSorted((a, b) => isLittle(a) - isLittle(b) || weight(b) - weight(a))
}
