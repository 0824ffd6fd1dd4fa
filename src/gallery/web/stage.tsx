/** What the viewer shows of a photo: the picture, what moves, or why there is neither. */
import { originalUrl, type Problem, type TimelinePhoto } from './api.js'
import { Film } from './film.js'
import { UnreadableIcon, WaitingIcon } from './icons.js'
import { AnimatedPicture, LivePicture } from './moving-picture.js'
import { Picture } from './picture.js'

interface StageProps {
  readonly photo: TimelinePhoto | undefined
  readonly trouble: Problem | undefined
  readonly onRetry: () => void
  readonly onLoaded: (id: string) => void
}

export function Stage({ photo, trouble, onRetry, onLoaded }: StageProps) {
  if (!photo) return trouble ? <Trouble problem={trouble} onRetry={onRetry} /> : null
  if (photo.state === 'ready') {
    if (photo.kind === 'video') return <Film photo={photo} onLoaded={onLoaded} />
    if (photo.motion) return <LivePicture photo={photo} onLoaded={onLoaded} />
    if (photo.animated) return <AnimatedPicture photo={photo} onLoaded={onLoaded} />
    return <Picture photo={photo} onLoaded={onLoaded} />
  }
  if (photo.state === 'stored') {
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
      <p>{photo.reason}</p>
      <p>
        {photo.state === 'quarantined'
          ? 'It is kept apart and not opened here again. You can still download it.'
          : 'The original is kept as it was sent.'}
      </p>
      <a class="button" href={originalUrl(photo.id)} download>
        Download the original
      </a>
    </div>
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
