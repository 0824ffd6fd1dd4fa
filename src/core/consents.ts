/** What people may agree to, or not, and the words that they are shown for it. Pure. */

/** `sync`: their handsets send photos. `places`: where photos were taken is kept. */
export const purposes = ['sync', 'places'] as const

export type Purpose = (typeof purposes)[number]

/** Of the words of each purpose. Whoever changes the words raises it: a yes to other words is none. */
export const wordsVersion: Readonly<Record<Purpose, number>> = { sync: 1, places: 1 }

/** Version 1. Of the machine itself, of folders above and beside, and of other files nothing is sent. */
export const syncWords =
  'The photos and videos of the folders that you name, with the edits and sidecars beside them, are sent to your region and kept there until you delete them: of each its content, name, kind, time and hash, and nothing else of this device.'
