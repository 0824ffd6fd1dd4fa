/**
 * One photo over the whole window, with the way to its neighbours, its details and its original. A modal dialog of the
 * browser's own: the focus stays in it, the page below rests, Escape closes.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { nameOf, renditionUrl, summaryOf, type TimelinePhoto } from './api.js'
import { DetailsPanel } from './details-panel.js'
import { NextIcon, PreviousIcon } from './icons.js'
import type { Library, Section } from './library.js'
import { findPlace } from './neighbours.js'
import { leavePhoto, navigate, photoPath } from './router.js'
import { Stage } from './stage.js'
import { useSwipe } from './swipe.js'
import { useDetails } from './use-details.js'
import { ViewerBar } from './viewer-bar.js'

interface ViewerProps {
  readonly id: string
  readonly library: Library
  readonly sections: readonly Section[]
}

export function Viewer({ id, library, sections }: ViewerProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const stage = useRef<HTMLDivElement>(null)
  const [detailsOpen, setDetailsOpen] = useState(false)
  const [loadedId, setLoadedId] = useState<string>()
  const place = findPlace(sections, id)
  const { details, trouble, retry } = useDetails(library, id, place?.photo.state)

  useModal(dialog)
  useNeighbourSections(library, sections, place?.sectionsWanted ?? [], place ? undefined : details?.shownAt.slice(0, 7))
  usePreloaded(loadedId === id ? [place?.older, place?.newer] : [])

  const photo = place?.photo ?? details
  const name = photo ? nameOf(photo.fileName) : ''
  useEffect(() => {
    document.title = name ? `${name} · photosync` : 'photosync'
  }, [name])

  const go = (to: TimelinePhoto | undefined) => to && navigate(photoPath(to.id), { replace: true })
  const swipe = useSwipe(stage, { onLeft: () => go(place?.older), onRight: () => go(place?.newer) })
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    // On a player the arrows move along its time.
    if (event.target instanceof HTMLVideoElement) return
    if (event.key === 'ArrowLeft') go(place?.newer)
    else if (event.key === 'ArrowRight') go(place?.older)
    else if (event.key === 'i') setDetailsOpen(!detailsOpen)
    else return
    event.preventDefault()
  }

  return (
    <dialog ref={dialog} class="viewer" aria-label="Photo" onKeyDown={onKeyDown} onClose={leavePhoto}>
      <ViewerBar
        id={id}
        name={name}
        shownAt={photo?.shownAt}
        position={place?.position}
        detailsOpen={detailsOpen}
        onDetails={() => setDetailsOpen(!detailsOpen)}
        onClose={() => dialog.current?.close()}
      />
      <div ref={stage} class="stage" {...swipe}>
        <Stage
          key={id}
          photo={place?.photo ?? (details && summaryOf(details))}
          trouble={trouble}
          onRetry={retry}
          onLoaded={setLoadedId}
        />
        <Turn side="newer" label="Previous photo" to={place?.newer} onGo={go} />
        <Turn side="older" label="Next photo" to={place?.older} onGo={go} />
      </div>
      {detailsOpen && <DetailsPanel details={details} trouble={trouble} onRetry={retry} />}
    </dialog>
  )
}

interface TurnProps {
  readonly side: 'newer' | 'older'
  readonly label: string
  readonly to: TimelinePhoto | undefined
  readonly onGo: (to: TimelinePhoto | undefined) => void
}

/** Stays where it is at either end, only without effect: a button that vanished would take the focus with it. */
function Turn({ side, label, to, onGo }: TurnProps) {
  return (
    <button type="button" class={`round turn ${side}`} aria-label={label} aria-disabled={!to} onClick={() => onGo(to)}>
      {side === 'newer' ? <PreviousIcon /> : <NextIcon />}
    </button>
  )
}

function useModal(dialog: { readonly current: HTMLDialogElement | null }): void {
  useEffect(() => {
    // The dialog covers the scroll bar's room too; the page below keeps its width, so that nothing there moves.
    const roomPx = innerWidth - document.body.offsetWidth
    document.documentElement.style.setProperty('--scroll-bar', `${roomPx}px`)
    dialog.current?.showModal()
  }, [dialog])
}

/** Loads the months on either side of a photo at the edge of its own, or the own one of a photo that was opened directly. */
function useNeighbourSections(
  library: Library,
  sections: readonly Section[],
  wanted: readonly string[],
  ownSection: string | undefined,
): void {
  const ids = [...wanted, ownSection ?? '']
    .filter(id => sections.some(section => section.id === id && !section.photos && !section.trouble))
    .join()
  useEffect(() => {
    for (const id of ids.split(',').filter(Boolean)) void library.loadSection(id)
  }, [library, ids])
}

/** Fetches the neighbours' pictures once the photo itself is there, so that the next turn is at once. */
function usePreloaded(neighbours: readonly (TimelinePhoto | undefined)[]): void {
  const urls = neighbours
    .flatMap(photo => (photo?.state === 'ready' && photo.thumbnail ? renditionUrl(photo, '1440.jpg') : []))
    .join(' ')
  useEffect(() => {
    for (const url of urls.split(' ').filter(Boolean)) new Image().src = url
  }, [urls])
}
