/**
 * Facts in words: dates, offsets, places, exposures, sizes. Pure. A photo's time is a wall clock where it was taken; it is
 * read and shown as that and never shifted into the viewer's zone.
 */

const formats = {
  month: { month: 'long', year: 'numeric' },
  date: { day: 'numeric', month: 'long', year: 'numeric' },
  weekdayDate: { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  time: { hour: '2-digit', minute: '2-digit' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>

const formatters = new Map<keyof typeof formats, Intl.DateTimeFormat>()

/** '2025-06' → 'June 2025'. */
export const monthWords = (section: string): string => format('month', `${section}-01T00:00:00`)

/** '2025-06-14T17:42:08' → 'Sat 14 Jun' */
export const dayWords = (wallClock: string): string => format('day', wallClock).replace(',', '')

/** → '14 June 2025' */
export const dateWords = (wallClock: string): string => format('date', wallClock)

/** → 'Saturday 14 June 2025' */
export const longDateWords = (wallClock: string): string => format('weekdayDate', wallClock).replace(',', '')

/** → '17:42' */
export const timeWords = (wallClock: string): string => format('time', wallClock)

/** 330 → '5 hours 30 minutes ahead of UTC'; null: the file didn't say where its clock stood. */
export function offsetWords(minutes: number | null): string {
  if (minutes === null) return 'time zone not recorded'
  if (minutes === 0) return 'UTC'
  const hours = Math.floor(Math.abs(minutes) / 60)
  const rest = Math.abs(minutes) % 60
  const parts = [hours > 0 ? countWords(hours, 'hour') : '', rest > 0 ? countWords(rest, 'minute') : '']
  return `${parts.filter(Boolean).join(' ')} ${minutes > 0 ? 'ahead of' : 'behind'} UTC`
}

/** 1.3521, 103.8198 → '1.3521° N, 103.8198° E'. Four decimals are about eleven metres. */
export function placeWords({ latitude, longitude }: { latitude: number; longitude: number }): string {
  const side = (degrees: number, positive: string, negative: string) =>
    `${Math.abs(degrees).toFixed(4)}° ${degrees < 0 ? negative : positive}`
  return `${side(latitude, 'N', 'S')}, ${side(longitude, 'E', 'W')}`
}

export interface Exposure {
  readonly exposureSeconds?: number | null
  readonly fNumber?: number | null
  readonly iso?: number | null
  readonly focalLengthMm?: number | null
}

/** → '1/250 s · f/1.8 · ISO 100 · 24 mm', with what is known; '' when nothing is. */
export function exposureWords({ exposureSeconds, fNumber, iso, focalLengthMm }: Exposure): string {
  const parts = [
    exposureSeconds ? `${shutterWords(exposureSeconds)} s` : '',
    fNumber ? `f/${trimmed(fNumber, 1)}` : '',
    iso ? `ISO ${iso}` : '',
    focalLengthMm ? `${trimmed(focalLengthMm, 1)} mm` : '',
  ]
  return parts.filter(Boolean).join(' · ')
}

/** 3_145_728 → '3.1 MB': powers of 1000, as cameras and file managers count. */
export function sizeWords(bytes: number): string {
  if (bytes < 1000) return countWords(bytes, 'byte')
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 ? trimmed(value, 1) : Math.round(value)} ${units[unit]}`
}

/** 65_400 → '1:05', 3_723_000 → '1:02:03': as players write it. A moving picture never takes no time. */
export function clockWords(ms: number): string {
  const { hours, minutes, seconds } = timeParts(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** 65_400 → '1 minute 5 seconds' */
export function durationWords(ms: number): string {
  const { hours, minutes, seconds } = timeParts(ms)
  const parts = [
    hours > 0 ? countWords(hours, 'hour') : '',
    minutes > 0 ? countWords(minutes, 'minute') : '',
    seconds > 0 ? countWords(seconds, 'second') : '',
  ]
  return parts.filter(Boolean).join(' ')
}

/** 4 → '4 of 5 stars', −1 → 'Rejected'; '' when it has no stars. */
export function ratingWords(rating: number): string {
  if (rating < 0) return 'Rejected'
  return rating > 0 ? `${rating} of 5 stars` : ''
}

/** 4032, 3024 → '4032 × 3024 pixels (12 megapixels)' */
export function dimensionWords(width: number, height: number): string {
  const megapixels = (width * height) / 1e6
  const about =
    megapixels < 1 ? '' : ` (${countWords(Number(trimmed(megapixels, megapixels < 10 ? 1 : 0)), 'megapixel')})`
  return `${width} × ${height} pixels${about}`
}

/** 1, 'photo' → '1 photo'; 1234, 'photo' → '1,234 photos' */
export const countWords = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`

/** The camera's own name, without a maker's name that its model already begins with. */
export function cameraWords(make: string | null, model: string | null): string {
  if (!make || !model) return model ?? make ?? ''
  const maker = make.split(' ')[0] ?? make
  return model.toLowerCase().startsWith(maker.toLowerCase()) ? model : `${make} ${model}`
}

function format(kind: keyof typeof formats, wallClock: string): string {
  let formatter = formatters.get(kind)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', { ...formats[kind], timeZone: 'UTC' })
    formatters.set(kind, formatter)
  }
  const time = Date.parse(`${wallClock.slice(0, 19)}Z`)
  return Number.isNaN(time) ? wallClock : formatter.format(time)
}

function timeParts(ms: number) {
  const whole = Math.max(1, Math.round(ms / 1000))
  return { hours: Math.floor(whole / 3600), minutes: Math.floor((whole % 3600) / 60), seconds: whole % 60 }
}

function shutterWords(seconds: number): string {
  // From a third of a second up cameras speak in decimals, below in fractions.
  if (seconds >= 0.3) return trimmed(seconds, 1)
  return `1/${Math.round(1 / seconds)}`
}

const trimmed = (value: number, digits: number): string => String(Number(value.toFixed(digits)))
