/** How far the work on a photo has come. Whoever shows it and whoever keeps it mean the same by these words. */
export const photoStates = [
  'stored', // safe, not yet looked at
  'ready', // its renditions exist, as far as there can be any
  'unreadable', // kept as it came, and its `reason` says what is wrong
  'quarantined', // not touched again: it isn't what was stored, or looking at it broke what looked; its `reason` says so
] as const

export type PhotoState = (typeof photoStates)[number]
