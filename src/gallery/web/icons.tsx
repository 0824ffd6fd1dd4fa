/** The app's icons: 24-pixel outlines in the text's colour. They say nothing themselves; what they are on has a name. */
import type { ComponentChildren } from 'preact'

const icon = (children: ComponentChildren) => () => (
  <svg
    class="icon"
    viewBox="0 0 24 24"
    width="24"
    height="24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {children}
  </svg>
)

export const CloseIcon = icon(<path d="M6 6l12 12M18 6L6 18" />)
export const PreviousIcon = icon(<path d="M15 5l-7 7 7 7" />)
export const NextIcon = icon(<path d="M9 5l7 7-7 7" />)
export const DownloadIcon = icon(<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14" />)
export const AccountIcon = icon([
  <circle key="head" cx="12" cy="8.5" r="3.75" />,
  <path key="body" d="M4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5" />,
])
export const InfoIcon = icon([<circle key="ring" cx="12" cy="12" r="8.5" />, <path key="i" d="M12 11v5M12 8v.01" />])
export const WaitingIcon = icon([<circle key="ring" cx="12" cy="12" r="8.5" />, <path key="hands" d="M12 7v5l3 2" />])
export const PlayIcon = icon(<path d="M8 5.5v13l10.5-6.5z" />)
export const PauseIcon = icon(<path d="M8.5 5.5v13M15.5 5.5v13" />)
export const VideoIcon = icon([
  <rect key="frame" x="3.5" y="5.5" width="17" height="13" rx="1.5" />,
  <path key="play" d="M10 9.25v5.5l4.5-2.75z" />,
])
export const UnreadableIcon = icon([
  <path key="page" d="M13 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V9z" />,
  <path key="fold" d="M13 3.5V9h5.5" />,
  <path key="cross" d="M10 13l4 4M14 13l-4 4" />,
])
