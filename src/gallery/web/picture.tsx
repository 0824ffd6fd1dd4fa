/** A picture over its small one, which is there sooner; or the way to try again. */
import { useMemo, useState } from 'preact/hooks'
import { type RenditionName, renditionUrl, type TimelinePhoto } from './api.js'
import { UnreadableIcon } from './icons.js'
import { placeholderImage } from './thumb-hash.js'
import { dateWords } from './wording.js'

interface PictureProps {
  readonly photo: TimelinePhoto
  /** Default: the large still. */
  readonly rendition?: RenditionName
  readonly onLoaded: (id: string) => void
}

export function Picture({ photo, rendition = '1440.jpg', onLoaded }: PictureProps) {
  const [phase, setPhase] = useState<'loading' | 'loaded' | 'failed'>('loading')
  const [attempt, setAttempt] = useState(0)
  const placeholder = useMemo(() => placeholderImage(photo.thumbhash), [photo.thumbhash])
  const bounds = boundsOf(photo)
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
          src={renditionUrl(photo, '256.webp')}
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
          onLoaded(photo.id)
        }}
        onError={() => setPhase('failed')}
        src={renditionUrl(photo, rendition)}
        alt={altOf(photo)}
        draggable={false}
        style={bounds}
      />
    </>
  )
}

export const altOf = ({ fileName, shownAt }: TimelinePhoto): string => `${fileName}, ${dateWords(shownAt)}`

/** Small pictures aren't blown up to the window. */
export const boundsOf = ({ width, height }: TimelinePhoto): { maxWidth?: string; maxHeight?: string } =>
  width && height ? { maxWidth: `${width}px`, maxHeight: `${height}px` } : {}
