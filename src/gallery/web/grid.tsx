/** The library by date: months below each other, each loaded as it comes near, in rows as wide as the page. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { RowsOptions } from './justified-rows.js'
import type { Library, Section } from './library.js'
import { MonthSection } from './month-section.js'
import { findPlace } from './neighbours.js'

interface GridProps {
  readonly library: Library
  readonly sections: readonly Section[]
  /** The photo to put the focus on. */
  readonly focusId: string | undefined
  readonly onFocused: () => void
}

const phoneWidthPx = 600

export function Grid({ library, sections, focusId, onFocused }: GridProps) {
  const ref = useRef<HTMLDivElement>(null)
  const [widthPx, setWidthPx] = useState(0)

  useEffect(() => {
    const element = ref.current
    if (!element) return
    const observer = new ResizeObserver(() => setWidthPx(element.clientWidth))
    observer.observe(element)
    setWidthPx(element.clientWidth)
    return () => observer.disconnect()
  }, [])

  const rows = useMemo(() => rowsFor(widthPx), [widthPx])
  const focusPhoto = focusId ? findPlace(sections, focusId)?.photo : undefined
  return (
    <div ref={ref} class="grid">
      {rows &&
        sections.map(section => (
          <MonthSection
            key={section.id}
            section={section}
            rows={rows}
            library={library}
            focusId={focusPhoto && section.photos?.includes(focusPhoto) ? focusPhoto.id : undefined}
            onFocused={onFocused}
          />
        ))}
    </div>
  )
}

function rowsFor(widthPx: number): RowsOptions | undefined {
  if (widthPx === 0) return undefined
  if (widthPx < phoneWidthPx) return { widthPx, rowHeightPx: 112, gapPx: 3, dayGapPx: 10, labelHeightPx: 30 }
  return { widthPx, rowHeightPx: 184, gapPx: 6, dayGapPx: 20, labelHeightPx: 36 }
}
