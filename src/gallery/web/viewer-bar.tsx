/** What stands above a photo in the viewer: the way out, what the photo is, its details and its original. */
import { originalUrl } from './api.js'
import { CloseIcon, DownloadIcon, InfoIcon } from './icons.js'
import { dateWords } from './wording.js'

interface ViewerBarProps {
  readonly id: string
  /** Empty until known. */
  readonly name: string
  /** Wall clock, ISO; undefined until known. */
  readonly shownAt: string | undefined
  /** From 1, the newest; undefined while the photo's month isn't loaded. */
  readonly position: number | undefined
  readonly detailsOpen: boolean
  readonly onDetails: () => void
  readonly onClose: () => void
}

export function ViewerBar({ id, name, shownAt, position, detailsOpen, onDetails, onClose }: ViewerBarProps) {
  return (
    <div class="bar">
      <button type="button" class="round" aria-label="Close" onClick={onClose}>
        <CloseIcon />
      </button>
      <div class="caption" aria-live="polite">
        <h2>{name || 'Photo'}</h2>
        {shownAt !== undefined && (
          <p>
            {dateWords(shownAt)}
            {position !== undefined && <span class="unseen">, photo {position}</span>}
          </p>
        )}
      </div>
      <button type="button" class="round" aria-label="Details" aria-expanded={detailsOpen} onClick={onDetails}>
        <InfoIcon />
      </button>
      <a class="round" href={originalUrl(id)} download aria-label="Download the original">
        <DownloadIcon />
      </a>
    </div>
  )
}
