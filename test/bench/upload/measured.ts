/** What the upload bench does, and what it measured. */
import type { Sample } from '../harness.js'
import type { Way } from './client.js'
import type { UploadCalls } from './counts.js'
import type { DribblersPlan, SideBySide } from './dribblers.js'
import type { CleanUpCost } from './reaper.js'
import type { SideName } from './sides.js'

export interface Plan {
  photoBytes: number
  chunkBytes: number
  inFlight: number
  /** In each way of sending one. */
  uploadsCounted: number
  timed: Record<Way, TimedPlan>
  video: { sizeBytes: number; rounds: number; warmUpRounds: number }
  dribblers: DribblersPlan
  crowd: { uploads: number; photoBytes: number; steps: number; stepMs: number }
}

export interface TimedPlan {
  photosPerRound: number
  rounds: number
  warmUpRounds: number
}

export interface Measured {
  /** Of the machine. */
  cores: number
  plan: Plan
  calls: Record<'ours' | 'stock', UploadCalls>
  /** The floor knows but one way: its samples are always of that. */
  timed: Record<Way, Record<SideName, Sample[]>>
  /** Of one of our uploads in chunks, after it. */
  cleanUp: CleanUpCost
  video: Record<SideName, Sample[]>
  dribblers: Record<'ours' | 'stock', SideBySide>
  /** Peak resident bytes; of the video above idle. */
  memory: Record<'ours' | 'stock', { crowdBytes: number; videoBytes: number }>
}

export const chunksOf = ({ photoBytes, chunkBytes }: Plan): number => Math.ceil(photoBytes / chunkBytes)
