/**
 * Where each picture of a month stands: rows of one height that fill the width, days following each other in the same rows,
 * each with its label above its first picture. Pure: numbers in, whole pixels out, so a section's height is known exactly
 * before anything of it is on the page.
 */

export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface RowsOptions {
  /** Width to fill. */
  readonly widthPx: number
  /** Height that rows aim at; real ones are a little lower or higher. */
  readonly rowHeightPx: number
  /** Between neighbours of one day, and between rows. */
  readonly gapPx: number
  /** Between two days in one row. */
  readonly dayGapPx: number
  /** Height of the strip above a row in which a day begins. */
  readonly labelHeightPx: number
}

export interface MonthLayout {
  readonly heightPx: number
  /** One box for each day, in order. */
  readonly labels: readonly Box[]
  /** For each day, one box for each of its pictures. */
  readonly tiles: readonly (readonly Box[])[]
}

interface Item {
  readonly day: number
  /** Width over height. */
  readonly aspect: number
  readonly opensDay: boolean
}

/** Panoramas and tall screenshots are cropped to these shapes in the grid, or they would take or lose a whole row. */
const aspectMin = 0.62
const aspectMax = 2.6
/** The shape of a picture whose size isn't known yet, and of one that can't be read. */
const aspectUnknown = 1.2
/** The shape most phone pictures have, for guessing. */
const aspectUsual = 4 / 3
/** How far a row may grow over its aim: the last row of a month, or one that a panorama cut short. */
const stretchMax = 1.35

export function aspectOf(width: number | null, height: number | null): number {
  if (!width || !height) return aspectUnknown
  return Math.min(aspectMax, Math.max(aspectMin, width / height))
}

/** `days`: for each day, the aspects of its pictures, in order. Days without pictures get an empty label box. */
export function layoutMonth(days: readonly (readonly number[])[], options: RowsOptions): MonthLayout {
  const { gapPx, labelHeightPx } = options
  const items = days.flatMap((aspects, day) => aspects.map((aspect, at) => ({ day, aspect, opensDay: at === 0 })))
  const labels: Box[] = days.map(() => ({ left: 0, top: 0, width: 0, height: 0 }))
  const tiles: Box[][] = days.map(() => [])
  let top = 0
  for (const row of breakRows(items, options)) {
    if (top > 0) top += gapPx
    if (row.some(item => item.opensDay)) top += labelHeightPx
    const boxes = placeRow(row, top, options)
    row.forEach((item, at) => {
      const box = boxes[at]
      if (!box) return
      if (item.opensDay) labels[item.day] = { ...box, top: top - labelHeightPx, height: labelHeightPx }
      else if (tiles[item.day]?.at(-1)?.top === top)
        labels[item.day] = widened(labels[item.day], box, top - labelHeightPx)
      tiles[item.day]?.push(box)
    })
    top += boxes[0]?.height ?? 0
  }
  return { heightPx: top, labels, tiles }
}

/** The height a month of so many pictures is likely to take: room kept for it until it is loaded. */
export function guessHeightPx(count: number, { widthPx, rowHeightPx, gapPx, labelHeightPx }: RowsOptions): number {
  const perRow = Math.max(1, (widthPx + gapPx) / (rowHeightPx * aspectUsual + gapPx))
  const rows = Math.ceil(count / perRow)
  return Math.round(rows * (rowHeightPx + gapPx + labelHeightPx * 0.75))
}

/** A day's label may be as wide as what the day has in the label's own row. */
function widened(label: Box | undefined, tile: Box, labelTop: number): Box {
  if (!label || label.top !== labelTop) return label ?? { left: 0, top: 0, width: 0, height: 0 }
  return { ...label, width: tile.left + tile.width - label.left }
}

/** Fills rows greedily; the picture that overflows a row stays in it or opens the next, whichever is nearer to the aim. */
function breakRows(items: readonly Item[], options: RowsOptions): Item[][] {
  const rows: Item[][] = []
  let row: Item[] = []
  for (const item of items) {
    const longer = [...row, item]
    const heightWith = fillHeight(longer, options)
    if (heightWith > options.rowHeightPx) {
      row = longer
      continue
    }
    const heightWithout = row.length > 0 ? fillHeight(row, options) : Number.POSITIVE_INFINITY
    if (heightWithout / options.rowHeightPx < options.rowHeightPx / heightWith) {
      rows.push(row)
      row = [item]
    } else {
      rows.push(longer)
      row = []
    }
  }
  if (row.length > 0) rows.push(row)
  return rows
}

/** The row height at which these pictures fill the width. */
function fillHeight(row: readonly Item[], options: RowsOptions): number {
  const aspects = row.reduce((sum, item) => sum + item.aspect, 0)
  return Math.max(1, options.widthPx - gapsPx(row, options)) / aspects
}

function gapsPx(row: readonly Item[], { gapPx, dayGapPx }: RowsOptions): number {
  return row.reduce((sum, item, at) => sum + (at === 0 ? 0 : item.opensDay ? dayGapPx : gapPx), 0)
}

function placeRow(row: readonly Item[], top: number, options: RowsOptions): Box[] {
  const { rowHeightPx, gapPx, dayGapPx, widthPx } = options
  const exact = fillHeight(row, options)
  const fills = exact <= rowHeightPx * stretchMax
  const height = fills ? exact : rowHeightPx
  // Edges are rounded, not widths: the errors don't add up, and a full row ends exactly at the width.
  let edge = 0
  return row.map((item, at) => {
    if (at > 0) edge += item.opensDay ? dayGapPx : gapPx
    const left = Math.round(edge)
    edge += item.aspect * height
    const right = fills && at === row.length - 1 ? widthPx : Math.round(edge)
    return { left, top, width: Math.max(1, right - left), height: Math.max(1, Math.round(height)) }
  })
}
