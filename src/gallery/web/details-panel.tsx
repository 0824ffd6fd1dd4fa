/** What is known about a photo, in words. What isn't known has no line. */
import type { ComponentChildren } from 'preact'
import { nameOf, type PhotoDetails, type Problem } from './api.js'
import * as words from './wording.js'

interface DetailsPanelProps {
  readonly details: PhotoDetails | undefined
  readonly trouble: Problem | undefined
  readonly onRetry: () => void
}

export function DetailsPanel({ details, trouble, onRetry }: DetailsPanelProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must be able to scroll it.
    <section class="details" aria-labelledby="details-heading" tabIndex={0}>
      <h3 id="details-heading">Details</h3>
      {details && <Facts photo={details} />}
      {!details && !trouble && <p>Loading…</p>}
      {!details && trouble && (
        <p role="alert">
          {trouble.message}{' '}
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </p>
      )}
    </section>
  )
}

function Facts({ photo }: { photo: PhotoDetails }) {
  const { camera, exposure, place, width, height } = photo
  return (
    <dl>
      <Fact term={photo.takenAt ? 'Taken' : 'Date'}>
        <Taken photo={photo} />
      </Fact>
      <Fact term="Description">{photo.description && <span class="description">{photo.description}</span>}</Fact>
      <Fact term="Rating">{!!photo.rating && <Rating rating={photo.rating} />}</Fact>
      <Fact term="Duration">{photo.durationMs !== null && words.durationWords(photo.durationMs)}</Fact>
      <Fact term="Camera">{camera && words.cameraWords(camera.make, camera.model)}</Fact>
      <Fact term="Lens">{camera?.lens}</Fact>
      <Fact term="Exposure">{exposure && words.exposureWords(exposure)}</Fact>
      <Fact term="Place">{place && words.placeWords(place)}</Fact>
      <Fact term="Dimensions">{width && height && words.dimensionWords(width, height)}</Fact>
      <Fact term="Moving part">{photo.motion && words.sizeWords(photo.motion.sizeBytes)}</Fact>
      <Fact term="Preview">{photo.state === 'ready' && photo.reason}</Fact>
      <Fact term="File">
        <span class="file-name">{nameOf(photo.fileName)}</span>
        <br />
        <span class="soft">{[words.sizeWords(photo.sizeBytes), photo.mediaType].filter(Boolean).join(' · ')}</span>
      </Fact>
    </dl>
  )
}

function Rating({ rating }: { rating: number }) {
  const said = words.ratingWords(rating)
  if (rating <= 0) return <>{said}</>
  return (
    <>
      <span class="stars" aria-hidden="true">
        {'★'.repeat(rating)}
        {'☆'.repeat(Math.max(0, 5 - rating))}
      </span>{' '}
      <span class="soft">{said}</span>
    </>
  )
}

function Taken({ photo }: { photo: PhotoDetails }) {
  const wallClock = photo.takenAt ?? photo.shownAt
  return (
    <>
      {words.longDateWords(wallClock)}, {words.timeWords(wallClock)}
      <br />
      <span class="soft">
        {photo.takenAt ? words.offsetWords(photo.takenOffsetMinutes) : "of the file; it doesn't say when it was taken"}
      </span>
    </>
  )
}

function Fact({ term, children }: { term: string; children: ComponentChildren }) {
  if (!children) return null
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  )
}
