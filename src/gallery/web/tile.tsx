/** One photo of the grid: its thumbnail, or what is the matter with it. Always a link to the photo's own page. */
import { useMemo, useState } from 'preact/hooks'
import { renditionUrl, type TimelinePhoto } from './api.js'
import { PlayIcon, UnreadableIcon, VideoIcon, WaitingIcon } from './icons.js'
import type { Box } from './justified-rows.js'
import { photoPath } from './router.js'
import { placeholderImage } from './thumb-hash.js'
import { clockWords, dateWords, durationWords } from './wording.js'

interface TileProps {
  readonly photo: TimelinePhoto
  readonly box: Box
}

export const tileId = (photoId: string): string => `photo-${photoId}`

export function Tile({ photo, box }: TileProps) {
  const { left, top, width, height } = box
  const hasPicture = photo.state === 'ready' && photo.thumbnail
  return (
    <li class="tile" style={{ left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` }}>
      <a
        id={tileId(photo.id)}
        class={hasPicture ? undefined : 'words'}
        href={photoPath(photo.id)}
        data-state={photo.state}
      >
        {hasPicture ? <Thumbnail photo={photo} box={box} /> : <InWords photo={photo} />}
        {photo.state === 'ready' && <Badge photo={photo} />}
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
      src={renditionUrl(photo, '256.webp')}
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

/** What is behind the picture, in its corner. */
function Badge({ photo }: { photo: TimelinePhoto }) {
  const { kind, durationMs, motion, animated } = photo
  if (kind === 'video') {
    return (
      <span class="badge">
        <PlayIcon />
        <span class="unseen">Video{durationMs !== null && `, ${durationWords(durationMs)}`}</span>
        {durationMs !== null && <span aria-hidden="true">{clockWords(durationMs)}</span>}
      </span>
    )
  }
  if (!motion && !animated) return null
  return <span class="badge">{motion ? 'LIVE' : 'GIF'}</span>
}

function InWords({ photo }: { photo: TimelinePhoto }) {
  if (photo.state === 'stored') return <Waiting photo={photo} />
  if (photo.state === 'ready') return <NoPicture photo={photo} />
  return <NotShown photo={photo} />
}

function NoPicture({ photo }: { photo: TimelinePhoto }) {
  return (
    <>
      <VideoIcon />
      <strong>{photo.fileName}</strong>
      <span class="reason">No preview picture</span>
    </>
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

function NotShown({ photo }: { photo: TimelinePhoto }) {
  return (
    <>
      <UnreadableIcon />
      <strong>{photo.fileName}</strong>
      <span class="reason">{photo.reason ?? "Can't be shown"}</span>
    </>
  )
}
