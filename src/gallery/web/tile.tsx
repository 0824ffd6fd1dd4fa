/** One photo of the grid: its thumbnail, or what is the matter with it. Always a link to the photo's own page. */
import { useMemo, useState } from 'preact/hooks'
import { renditionUrl, type TimelinePhoto } from './api.js'
import { UnreadableIcon, WaitingIcon } from './icons.js'
import type { Box } from './justified-rows.js'
import { photoPath } from './router.js'
import { placeholderImage } from './thumb-hash.js'
import { dateWords } from './wording.js'

interface TileProps {
  readonly photo: TimelinePhoto
  readonly box: Box
}

export const tileId = (photoId: string): string => `photo-${photoId}`

export function Tile({ photo, box }: TileProps) {
  const { left, top, width, height } = box
  return (
    <li class="tile" style={{ left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` }}>
      <a id={tileId(photo.id)} href={photoPath(photo.id)} data-state={photo.state}>
        {photo.state === 'ready' && <Thumbnail photo={photo} box={box} />}
        {photo.state === 'stored' && <Waiting photo={photo} />}
        {photo.state === 'unreadable' && <Unreadable photo={photo} />}
      </a>
    </li>
  )
}

function Thumbnail({ photo, box }: { photo: TimelinePhoto; box: Box }) {
  const [loaded, setLoaded] = useState(false)
  const placeholder = useMemo(() => placeholderImage(photo.thumbhash), [photo.thumbhash])
  return (
    <img
      onLoad={() => setLoaded(true)}
      src={renditionUrl(photo.id, '256.webp')}
      width={box.width}
      height={box.height}
      alt={`${photo.fileName}, ${dateWords(photo.shownAt)}`}
      loading="lazy"
      decoding="async"
      // Gone once the picture is there: it may have transparent parts.
      style={{ backgroundImage: loaded ? 'none' : (placeholder ?? 'none') }}
    />
  )
}

function Waiting({ photo }: { photo: TimelinePhoto }) {
  return (
    <>
      <WaitingIcon />
      <span class="unseen">{photo.fileName}: </span>
      <span>Being prepared</span>
    </>
  )
}

function Unreadable({ photo }: { photo: TimelinePhoto }) {
  return (
    <>
      <UnreadableIcon />
      <strong>{photo.fileName}</strong>
      <span class="reason">{photo.reason ?? "Can't be shown"}</span>
    </>
  )
}
