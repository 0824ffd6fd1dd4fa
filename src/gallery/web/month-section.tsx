/**
 * One month of the grid. Its height is reserved before its photos are known and exact afterwards; its tiles are on the page
 * only while it is near what is seen.
 */
import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { TimelinePhoto } from './api.js'
import { aspectOf, type Box, guessHeightPx, layoutMonth, type RowsOptions } from './justified-rows.js'
import type { Library, Section } from './library.js'
import { useNear } from './near.js'
import { Tile, tileId } from './tile.js'
import { countWords, dayWords, longDateWords, monthWords } from './wording.js'

interface MonthSectionProps {
  readonly section: Section
  readonly rows: RowsOptions
  readonly library: Library
  /** The photo of this month to put the focus on. */
  readonly focusId: string | undefined
  readonly onFocused: () => void
}

interface Day {
  /** '2025-06-14' */
  readonly date: string
  readonly photos: readonly TimelinePhoto[]
}

export function MonthSection({ section, rows, library, focusId, onFocused }: MonthSectionProps) {
  const ref = useRef<HTMLElement>(null)
  const near = useNear(ref)
  const { id, count, photos, trouble } = section

  useEffect(() => {
    if (near && !photos && !trouble) void library.loadSection(id)
  }, [near, photos, trouble, id, library])

  const month = useMemo(() => photos && arrange(photos, rows), [photos, rows])
  const tiles = useMemo(() => near && month && <Days {...month} />, [near, month])

  useEffect(() => {
    if (!focusId || !month) return
    const tile = document.getElementById(tileId(focusId))
    if (tile) {
      tile.focus({ preventScroll: true })
      tile.scrollIntoView({ block: 'nearest' })
      onFocused()
    } else {
      // Brings it near: the tiles come, and with them this runs again.
      ref.current?.scrollIntoView()
    }
  }, [focusId, month, tiles, onFocused])

  return (
    <section ref={ref} class="month">
      <h2>
        {monthWords(id)} <span class="soft">{countWords(count, 'photo')}</span>
      </h2>
      {trouble && (
        <p class="note" role="alert">
          {trouble.message}{' '}
          <button type="button" class="button" onClick={() => void library.loadSection(id)}>
            Try again
          </button>
        </p>
      )}
      <div class="days" style={{ height: `${month?.layout.heightPx ?? guessHeightPx(count, rows)}px` }}>
        {tiles}
      </div>
    </section>
  )
}

type Month = ReturnType<typeof arrange>

function Days({ days, layout }: Month) {
  return days.map((day, at) => (
    <div key={day.date} class="day">
      <h3 style={px(layout.labels[at])} title={longDateWords(day.photos[0]?.shownAt ?? day.date)}>
        {dayWords(day.photos[0]?.shownAt ?? day.date)}
      </h3>
      <ul>
        {day.photos.map((photo, index) => {
          const box = layout.tiles[at]?.[index]
          return box && <Tile key={photo.id} photo={photo} box={box} />
        })}
      </ul>
    </div>
  ))
}

function arrange(photos: readonly TimelinePhoto[], rows: RowsOptions) {
  const days: { date: string; photos: TimelinePhoto[] }[] = []
  for (const photo of photos) {
    const date = photo.shownAt.slice(0, 10)
    const day = days.at(-1)
    if (day?.date === date) day.photos.push(photo)
    else days.push({ date, photos: [photo] })
  }
  const aspects = days.map(day => day.photos.map(photo => aspectOf(photo.width, photo.height)))
  return { days: days as readonly Day[], layout: layoutMonth(aspects, rows) }
}

const px = (box: Box | undefined) =>
  box && { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` }
