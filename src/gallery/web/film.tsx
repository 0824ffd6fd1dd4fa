/** A video, played from its original: the browser asks for the parts that it needs. */
import { useState } from 'preact/hooks'
import { originalUrl, renditionUrl, type TimelinePhoto } from './api.js'
import { VideoIcon } from './icons.js'
import { altOf, boundsOf } from './picture.js'

interface FilmProps {
  readonly photo: TimelinePhoto
  readonly onLoaded: (id: string) => void
}

export function Film({ photo, onLoaded }: FilmProps) {
  const [failed, setFailed] = useState(false)
  if (failed) {
    return (
      <div class="message" role="alert">
        <VideoIcon />
        <p class="lead">This video can't be played here</p>
        <p>Your browser may not know its format. Other programs will.</p>
        <p class="buttons">
          <a class="button" href={originalUrl(photo.id)} download>
            Download the original
          </a>
          <button type="button" class="button" onClick={() => setFailed(false)}>
            Try again
          </button>
        </p>
      </div>
    )
  }
  return (
    // biome-ignore lint/a11y/useMediaCaption: a private recording has none.
    <video
      class="picture film"
      src={originalUrl(photo.id)}
      poster={photo.thumbnail ? renditionUrl(photo, '1440.jpg') : undefined}
      style={boundsOf(photo)}
      controls
      playsInline
      preload="metadata"
      aria-label={altOf(photo)}
      onLoadedMetadata={() => onLoaded(photo.id)}
      onError={() => setFailed(true)}
    />
  )
}
