/** What the viewer shows of a photo: the picture over its small one, or why there is none. */
import { useMemo, useState } from 'preact/hooks'
import { nameOf, originalUrl, type PhotoDetails, type Problem, renditionUrl, type TimelinePhoto } from './api.js'
import { UnreadableIcon, WaitingIcon } from './icons.js'
import { placeholderImage } from './thumb-hash.js'
import { dateWords } from './wording.js'

interface StageProps {
  readonly id: string
  readonly photo: TimelinePhoto | undefined
  readonly details: PhotoDetails | undefined
  readonly trouble: Problem | undefined
  readonly onRetry: () => void
  readonly onLoaded: (id: string) => void
}

export function Stage({ id, photo, details, trouble, onRetry, onLoaded }: StageProps) {
  const known = photo ?? details
  if (!known) return trouble ? <Trouble problem={trouble} onRetry={onRetry} /> : null
  // The timeline is asked again while photos are being prepared; it knows first.
  if (known.state === 'ready')
    return <Picture id={id} known={known} thumbhash={photo?.thumbhash ?? null} onLoaded={onLoaded} />
  if (known.state === 'stored') {
    return (
      <div class="message">
        <WaitingIcon />
        <p class="lead">This photo is being prepared</p>
        <p>It is stored safely and shows here by itself in a moment.</p>
      </div>
    )
  }
  return (
    <div class="message">
      <UnreadableIcon />
      <p class="lead">This file can't be shown</p>
      <p>{details?.reason ?? ''}</p>
      <p>The original is kept as it was sent.</p>
      <a class="button" href={originalUrl(id)} download>
        Download the original
      </a>
    </div>
  )
}

interface PictureProps {
  readonly id: string
  readonly known: TimelinePhoto | PhotoDetails
  readonly thumbhash: string | null
  readonly onLoaded: (id: string) => void
}

function Picture({ id, known, thumbhash, onLoaded }: PictureProps) {
  const [phase, setPhase] = useState<'loading' | 'loaded' | 'failed'>('loading')
  const [attempt, setAttempt] = useState(0)
  const placeholder = useMemo(() => placeholderImage(thumbhash), [thumbhash])
  const { width, height } = known
  // Small pictures aren't blown up to the window.
  const bounds = width && height ? { maxWidth: `${width}px`, maxHeight: `${height}px` } : {}
  if (phase === 'failed') {
    const retry = () => {
      setAttempt(attempt + 1)
      setPhase('loading')
    }
    return (
      <div class="message" role="alert">
        <UnreadableIcon />
        <p class="lead">The picture couldn't be loaded</p>
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      </div>
    )
  }
  return (
    <>
      {phase === 'loading' && (
        <img
          class="picture"
          src={renditionUrl(id, '256.webp')}
          alt=""
          draggable={false}
          style={{ ...bounds, backgroundImage: placeholder ?? 'none' }}
        />
      )}
      <img
        key={attempt}
        class="picture"
        onLoad={() => {
          setPhase('loaded')
          onLoaded(id)
        }}
        onError={() => setPhase('failed')}
        src={renditionUrl(id, '1440.jpg')}
        alt={`${nameOf(known.fileName)}, ${dateWords(known.shownAt)}`}
        draggable={false}
        style={bounds}
      />
    </>
  )
}

function Trouble({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
  const gone = problem.kind === 'not_found'
  return (
    <div class="message" role="alert">
      <UnreadableIcon />
      <p class="lead">{gone ? "This photo isn't in your library" : problem.message}</p>
      {!gone && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
