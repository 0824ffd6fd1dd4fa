/** The blurred picture that stands in for a thumbnail until it is there, from about 25 bytes of the timeline. */
import { thumbHashToDataURL } from 'thumbhash'

/** A CSS value for `background-image`; `undefined` when there is no hash or it is broken. */
export function placeholderImage(thumbhash: string | null): string | undefined {
  if (!thumbhash) return undefined
  try {
    return `url(${thumbHashToDataURL(Uint8Array.from(atob(thumbhash), char => char.charCodeAt(0)))})`
  } catch {
    // No placeholder is a fine placeholder.
    return undefined
  }
}
