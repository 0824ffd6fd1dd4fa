/**
 * Pieces that are read back from the bucket take memory too, apart from that of bodies: whoever reads them back waits for nobody's
 * client, only for the bucket, so their turn always comes. In the order of asking.
 */
export interface Rebuilding {
  /** Runs `work` once so many bytes are free; one that needs more than all of them runs alone. */
  within<T>(sizeBytes: number, work: () => Promise<T>): Promise<T>
}

export function makeRebuilding(budgetBytes: number): Rebuilding {
  const waiting: { sizeBytes: number; go: () => void }[] = []
  let takenBytes = 0
  const next = () => {
    for (let first = waiting[0]; first && takenBytes + first.sizeBytes <= budgetBytes; first = waiting[0]) {
      waiting.shift()
      takenBytes += first.sizeBytes
      first.go()
    }
  }
  return {
    async within(wantedBytes, work) {
      const sizeBytes = Math.min(wantedBytes, budgetBytes)
      await new Promise<void>(go => {
        waiting.push({ sizeBytes, go })
        next()
      })
      try {
        return await work()
      } finally {
        takenBytes -= sizeBytes
        next()
      }
    },
  }
}
