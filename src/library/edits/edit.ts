/** An edit, and what it makes of the words that the owner wrote before. Pure. */

export interface Marks {
  favourite?: boolean | undefined
  archived?: boolean | undefined
}

/** null takes the owner's word back: the file's is read again. What is left out stays as it is. */
export interface Edit extends Marks {
  /** '': it has no description, whatever the file says. */
  description?: string | null | undefined
  /** Stars, 1–5; 0 is none and −1 rejected. */
  rating?: number | null | undefined
  /** Wall clock, ISO 8601 without zone. Moves the photo in the timeline. */
  takenAt?: string | null | undefined
  /** Minutes that clock is ahead of UTC. */
  takenOffsetMinutes?: number | null | undefined
}

/** Columns whose values the owner may replace, with their types; they are the names in `photos.edits` as well. */
export const editedColumns: Readonly<Record<string, string>> = {
  description: 'text',
  rating: 'smallint',
  taken_at: 'timestamp',
  taken_offset_minutes: 'smallint',
}

/** The owner's words, by column. null in it is a value: the photo has none, whatever the file says. */
export type Words = Readonly<Record<string, string | number | null>>

const wordsOf = ({ description, rating, takenAt, takenOffsetMinutes }: Edit) => ({
  description,
  rating,
  taken_at: takenAt,
  taken_offset_minutes: takenOffsetMinutes,
})

/** What is kept of the words after an edit, and the columns whose words were taken back. */
export function applyEdit(before: Words, edit: Edit): { words: Words; takenBack: string[] } {
  const words: Record<string, string | number | null> = { ...before }
  const takenBack: string[] = []
  for (const [column, value] of Object.entries(wordsOf(edit))) {
    if (value === undefined) continue
    if (value !== null) words[column] = value === '' ? null : value
    else if (Object.hasOwn(words, column)) {
      delete words[column]
      takenBack.push(column)
    }
  }
  return { words, takenBack }
}

export function sameWords(before: Words, after: Words): boolean {
  return Object.keys(editedColumns).every(
    column => Object.hasOwn(before, column) === Object.hasOwn(after, column) && before[column] === after[column],
  )
}
