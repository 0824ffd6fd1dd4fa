/** How much the upload bench does: enough to know, or just enough to see that it works. */
import type { Plan } from './measured.js'

const same = { photoBytes: 3_000_000, chunkBytes: 512 * 1024, inFlight: 8 }

/** Below four minutes on two cores. All of it fits the 20 GB that the S3 service is given. */
export const fullPlan: Plan = {
  ...same,
  uploadsCounted: 4,
  timed: {
    // The servers stay the same, so the first way warms up for the others, too.
    creationWithUpload: { photosPerRound: 48, rounds: 7, warmUpRounds: 2 },
    postPatch: { photosPerRound: 48, rounds: 7, warmUpRounds: 1 },
    inChunks: { photosPerRound: 16, rounds: 7, warmUpRounds: 1 },
  },
  video: { sizeBytes: 200_000_000, rounds: 3, warmUpRounds: 1 },
  dribblers: { uploads: 2_000, everyMs: 2_000, windowMs: 6_000, graceMs: 4_000 },
  // Twice and a half what our process may hold of bodies, so that the budget is put to the test.
  crowd: { uploads: 500, photoBytes: 1_000_000, steps: 20, stepMs: 200 },
}

export const quickPlan: Plan = {
  ...same,
  uploadsCounted: 2,
  timed: {
    creationWithUpload: { photosPerRound: 8, rounds: 1, warmUpRounds: 0 },
    postPatch: { photosPerRound: 8, rounds: 1, warmUpRounds: 0 },
    inChunks: { photosPerRound: 3, rounds: 1, warmUpRounds: 0 },
  },
  video: { sizeBytes: 20_000_000, rounds: 1, warmUpRounds: 0 },
  dribblers: { uploads: 40, everyMs: 200, windowMs: 400, graceMs: 20_000 },
  crowd: { uploads: 40, photoBytes: 100_000, steps: 4, stepMs: 50 },
}
