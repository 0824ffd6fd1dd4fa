/** What the upload bench does, and what it measured. */
import type { Sample } from '../harness.js'
import type { UploadCalls } from './counts.js'
import type { SideName } from './sides.js'

export interface Plan {
  photoBytes: number
  chunkBytes: number
  inFlight: number
  /** For each way of sending one. */
  uploadsCounted: number
  photosPerRound: number
  rounds: number
  warmUpRounds: number
  crowd: { uploads: number; photoBytes: number; steps: number; stepMs: number }
  videoBytes: number
}

export interface Measured {
  plan: Plan
  calls: Record<'ours' | 'stock', UploadCalls>
  samples: Record<SideName, Sample[]>
  /** Peak resident bytes; of the video above idle. */
  memory: Record<'ours' | 'stock', { crowdBytes: number; videoBytes: number }>
}
