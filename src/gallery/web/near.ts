/** Tells when an element is within a screen or two of what is seen. One observer serves all. */
import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const marginPx = 1_500
const callbacks = new WeakMap<Element, (near: boolean) => void>()
let observer: IntersectionObserver | undefined

export function useNear(ref: RefObject<HTMLElement | null>): boolean {
  const [near, setNear] = useState(false)
  useEffect(() => {
    const element = ref.current
    if (!element) return
    observer ??= new IntersectionObserver(
      entries => {
        for (const entry of entries) callbacks.get(entry.target)?.(entry.isIntersecting)
      },
      { rootMargin: `${marginPx}px 0px` },
    )
    // What has the keyboard's focus isn't taken away, however far it was scrolled.
    callbacks.set(element, isNear => setNear(isNear || element.contains(document.activeElement)))
    observer.observe(element)
    return () => observer?.unobserve(element)
  }, [ref])
  return near
}
