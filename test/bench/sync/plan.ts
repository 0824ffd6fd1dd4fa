/** How much the sync bench does. The slow sides send fewer photos of the same kind: what one of them takes doesn't depend on how many follow. */

export interface Plan {
  large: SetPlan
  small: SetPlan
  /** A client that isn't done by `giveUpMs` never will be. */
  cut: { photos: number; everyMs: number; forMs: number; giveUpMs: number }
  regions: { large: number; small: number; requests: number }
  resync: { files: number }
  lookups: { photos: number; calls: number }
}

export interface SetPlan {
  /** Of ours. */
  photos: number
  /** Sent by ours and Uppy's defaults in turns, and by tus-js-client one after another. */
  compared: { rounds: number; photos: number; inSequence: number }
}

export const fullPlan: Plan = {
  large: { photos: 200, compared: { rounds: 2, photos: 24, inSequence: 8 } },
  small: { photos: 1_000, compared: { rounds: 2, photos: 200, inSequence: 20 } },
  cut: { photos: 24, everyMs: 5_000, forMs: 1_000, giveUpMs: 180_000 },
  regions: { large: 8, small: 40, requests: 20 },
  resync: { files: 20_000 },
  lookups: { photos: 1_000_000, calls: 400 },
}

export const quickPlan: Plan = {
  large: { photos: 12, compared: { rounds: 1, photos: 6, inSequence: 2 } },
  small: { photos: 60, compared: { rounds: 1, photos: 30, inSequence: 4 } },
  cut: { photos: 4, everyMs: 5_000, forMs: 1_000, giveUpMs: 60_000 },
  regions: { large: 1, small: 6, requests: 5 },
  resync: { files: 400 },
  lookups: { photos: 20_000, calls: 30 },
}

/** The link that a handset is to fill, and those to a region far away and to the one at home. */
export const link = { rttMs: 340, mbit: 20 }
export const regionLinks = { far: { rttMs: 400, mbit: 20 }, home: { rttMs: 60, mbit: 20 } }

export type PhotoKind = 'large' | 'small'
export const sizesOf: Readonly<Record<PhotoKind, readonly [number, number]>> = {
  large: [2_000_000, 4_000_000],
  small: [60_000, 120_000],
}
