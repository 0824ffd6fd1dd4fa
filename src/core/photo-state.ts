/** How far the work on a photo has come. Whoever shows it and whoever keeps it mean the same by these words. */
export const photoStates = [
  'stored', // safe, not yet looked at
  'ready', // its renditions exist
  'unreadable', // kept as it came, and its `reason` says what is wrong
] as const

export type PhotoState = (typeof photoStates)[number]
