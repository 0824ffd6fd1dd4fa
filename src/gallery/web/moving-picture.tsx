/**
 * Pictures that move: an animation, which can be stopped, and a picture with a moving half, which plays while one points at its
 * button, or once when it is pressed, and is the still again afterwards. Who asked the system for less motion starts it alone.
 */
import { useState } from 'preact/hooks'
import { motionUrl, type TimelinePhoto } from './api.js'
import { PauseIcon, PlayIcon } from './icons.js'
import { boundsOf, Picture } from './picture.js'

interface MovingPictureProps {
  readonly photo: TimelinePhoto
  readonly onLoaded: (id: string) => void
}

export function AnimatedPicture({ photo, onLoaded }: MovingPictureProps) {
  const [moves, setMoves] = useState(() => !wantsLessMotion())
  const rendition = moves ? 'animated.webp' : '1440.jpg'
  return (
    <>
      <Picture key={rendition} photo={photo} rendition={rendition} onLoaded={onLoaded} />
      <button type="button" class="round control" onClick={() => setMoves(!moves)}>
        {moves ? <PauseIcon /> : <PlayIcon />}
        <span class="unseen">{moves ? 'Stop the animation' : 'Play the animation'}</span>
      </button>
    </>
  )
}

type Playing = 'by pointing' | 'by pressing'

export function LivePicture({ photo, onLoaded }: MovingPictureProps) {
  const [playing, setPlaying] = useState<Playing>()
  /** The still stays until there is something that moves. */
  const [shown, setShown] = useState(false)
  const [failed, setFailed] = useState(false)

  const play = (how: Playing) => {
    setFailed(false)
    setPlaying(how)
  }
  const stop = () => {
    setPlaying(undefined)
    setShown(false)
  }
  return (
    <>
      <div class={shown ? 'behind' : undefined}>
        <Picture photo={photo} onLoaded={onLoaded} />
      </div>
      {playing && (
        <div aria-hidden="true">
          <video
            class="picture"
            src={motionUrl(photo.id)}
            style={boundsOf(photo)}
            autoplay
            muted
            playsInline
            onPlaying={() => setShown(true)}
            onEnded={stop}
            onError={() => {
              stop()
              setFailed(true)
            }}
          />
        </div>
      )}
      <button
        type="button"
        class="control live"
        aria-pressed={playing === 'by pressing'}
        onClick={() => (playing === 'by pressing' ? stop() : play('by pressing'))}
        onPointerEnter={event => {
          if (event.pointerType === 'mouse' && !playing && !wantsLessMotion()) play('by pointing')
        }}
        onPointerLeave={() => playing === 'by pointing' && stop()}
      >
        LIVE <span class="unseen">Play the moving part</span>
      </button>
      <p class="hint" role="status">
        {failed && (
          <>
            This browser can't play the moving part.{' '}
            <a href={motionUrl(photo.id)} download>
              Download it
            </a>
          </>
        )}
      </p>
    </>
  )
}

function wantsLessMotion(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}
