/** Swiping left and right by touch: the picture follows the finger, and far enough is a wish to turn. */
import type { RefObject } from 'preact'
import { useRef } from 'preact/hooks'

interface Turns {
  readonly onLeft: () => void
  readonly onRight: () => void
}

interface Start {
  readonly pointer: number
  readonly x: number
}

const farEnoughPx = 56

/** Handlers for the element that is swiped on. It needs `touch-action: pinch-zoom`, or the browser takes the gesture. */
export function useSwipe(ref: RefObject<HTMLElement | null>, { onLeft, onRight }: Turns) {
  const start = useRef<Start | undefined>(undefined)
  const shift = (px: number) => ref.current?.style.setProperty('--shift', `${px}px`)
  const stop = () => {
    start.current = undefined
    shift(0)
  }
  return {
    onPointerDown(event: PointerEvent) {
      // A second finger is a pinch; and a page that is zoomed in is moved, not turned.
      const zoomed = (globalThis.visualViewport?.scale ?? 1) > 1.01
      // A finger on a player moves along its time.
      const seeks = event.target instanceof HTMLVideoElement && event.target.controls
      if (event.pointerType !== 'touch' || !event.isPrimary || zoomed || seeks) return stop()
      start.current = { pointer: event.pointerId, x: event.clientX }
    },
    onPointerMove(event: PointerEvent) {
      if (start.current?.pointer === event.pointerId) shift(event.clientX - start.current.x)
    },
    onPointerUp(event: PointerEvent) {
      if (start.current?.pointer !== event.pointerId) return
      const distancePx = event.clientX - start.current.x
      stop()
      if (distancePx <= -farEnoughPx) onLeft()
      else if (distancePx >= farEnoughPx) onRight()
    },
    onPointerCancel: stop,
  }
}
