/**
 * The gallery's way to its server: one function per call, typed. Every call has a deadline. Whatever goes wrong is a
 * `Problem` with a sentence fit for the page. Touches the network, same origin only; the session is a cookie that no
 * script can see.
 */
import type { ErrorKind } from '../../core/errors.js'
import { limits } from '../../core/limits.js'
import type { PhotoState } from '../../core/photo-state.js'
import type { renditions } from '../../core/renditions.js'
import type { Exposure } from './wording.js'

/** Who is signed in, and how many photos they have. */
export interface Me {
  readonly id: string
  readonly email: string
  readonly region: string
  readonly photos: number
  readonly bytes: number
  readonly unreadable: number
  readonly waiting: number
}

export interface SectionCount {
  /** A month: '2025-06'. */
  readonly id: string
  readonly count: number
}

/** What the grid knows of a photo. */
export interface TimelinePhoto {
  readonly id: string
  /** Wall clock, ISO. */
  readonly shownAt: string
  readonly width: number | null
  readonly height: number | null
  readonly state: PhotoState
  /** Why it can't be shown, or why a video has no picture. */
  readonly reason: string | null
  /** null until a worker has looked. */
  readonly kind: PhotoKind | null
  /** Of a video. */
  readonly durationMs: number | null
  /** Whether there are the renditions that stand still: a video may have none. */
  readonly thumbnail: boolean
  /** Whether a moving half belongs to the picture. */
  readonly motion: boolean
  /** Whether there is a rendition that moves. */
  readonly animated: boolean
  /** In the addresses of its renditions, so that one that is kept is never an older picture's. */
  readonly renditionVersion: string | null
  readonly thumbhash: string | null
  readonly fileName: string
}

export type PhotoKind = 'picture' | 'video'

/** What the viewer knows of a photo. */
export interface PhotoDetails {
  readonly id: string
  readonly fileName: string | null
  readonly mediaType: string | null
  readonly sizeBytes: number
  readonly state: PhotoState
  readonly reason: string | null
  readonly width: number | null
  readonly height: number | null
  /** Wall clock, ISO. */
  readonly takenAt: string | null
  readonly takenOffsetMinutes: number | null
  readonly shownAt: string
  readonly camera: { readonly make: string | null; readonly model: string | null; readonly lens: string | null } | null
  readonly exposure: Exposure | null
  readonly kind: PhotoKind | null
  readonly durationMs: number | null
  readonly renditions: readonly string[]
  readonly renditionVersion: string | null
  /** Stars, 1–5; 0 is none and −1 rejected. */
  readonly rating: number | null
  readonly description: string | null
  readonly motion: { readonly mediaType: string | null; readonly sizeBytes: number } | null
  readonly place: { readonly latitude: number; readonly longitude: number } | null
}

/** Kinds of the server, and two of the way there: no answer at all, and an answer that isn't the API's. */
export type ProblemKind = ErrorKind | 'unreachable' | 'failed'

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly kind: ProblemKind

  constructor(kind: ProblemKind, sentence: string, options?: ErrorOptions) {
    super(sentence, options)
    this.kind = kind
  }
}

export type RenditionName = (typeof renditions)[number]['name'] | 'animated.webp'

/** What the person agrees to. */
export interface Consents {
  readonly places: { readonly granted: boolean }
}

const deadlineMs = 20_000
/** For what goes through the whole library, however large it is. */
const longDeadlineMs = 5 * 60_000
const unnamed = 'Unnamed file'

export const signIn = (email: string, password: string): Promise<unknown> =>
  call('POST', '/v1/sessions', { email, password })

export const signInByLink = (link: string): Promise<unknown> => call('POST', '/v1/sessions', { link })

export const signOut = (): Promise<unknown> => call('DELETE', '/v1/sessions')

export const fetchMe = (): Promise<Me> => call('GET', '/v1/me')

export async function fetchSections(): Promise<SectionCount[]> {
  const { sections } = await call<{ sections: SectionCount[] }>('GET', '/v1/timeline')
  return sections
}

/** All photos of one month, newest first. */
export async function fetchSection(id: string): Promise<TimelinePhoto[]> {
  const photos: TimelinePhoto[] = []
  let cursor: string | null = null
  do {
    const query: URLSearchParams = new URLSearchParams({ limit: String(limits.pageEntries) })
    if (cursor) query.set('cursor', cursor)
    const page: SectionPage = await call('GET', `/v1/timeline/${encodeURIComponent(id)}?${query}`)
    photos.push(...rows(page))
    cursor = page.cursor
  } while (cursor)
  return photos
}

export const fetchConsents = (): Promise<Consents> => call('GET', '/v1/consents')

export const answerPlaces = (granted: boolean): Promise<Consents> =>
  call('PUT', '/v1/consents/places', { granted }, longDeadlineMs)

export const fetchPhoto = (id: string): Promise<PhotoDetails> => call('GET', photoPath(id))

export function renditionUrl(
  { id, renditionVersion }: Pick<TimelinePhoto, 'id' | 'renditionVersion'>,
  name: RenditionName,
): string {
  const query = renditionVersion ? `?v=${encodeURIComponent(renditionVersion)}` : ''
  return `${photoPath(id)}/renditions/${name}${query}`
}

export const originalUrl = (id: string): string => `${photoPath(id)}/original`

/** The moving half of a picture that has one. */
export const motionUrl = (id: string): string => `${photoPath(id)}/motion`

/** What the grid would know of a photo, from its details. */
export const summaryOf = (photo: PhotoDetails): TimelinePhoto => ({
  ...photo,
  fileName: nameOf(photo.fileName),
  thumbnail: photo.renditions.includes('256.webp'),
  animated: photo.renditions.includes('animated.webp'),
  motion: photo.motion !== null,
  thumbhash: null,
})

/** What to call a photo whose handset gave it no name. */
export const nameOf = (fileName: string | null): string => fileName || unnamed

const photoPath = (id: string) => `/v1/photos/${encodeURIComponent(id)}`

/** A page comes as columns: the same in less than half the bytes. */
interface SectionPage {
  readonly id: string[]
  readonly shownAt: string[]
  readonly width: (number | null)[]
  readonly height: (number | null)[]
  readonly state: PhotoState[]
  readonly reason: (string | null)[]
  readonly kind: (PhotoKind | null)[]
  readonly durationMs: (number | null)[]
  readonly thumbnail: boolean[]
  readonly motion: boolean[]
  readonly animated: boolean[]
  readonly renditionVersion: (string | null)[]
  readonly thumbhash: (string | null)[]
  readonly fileName: (string | null)[]
  readonly cursor: string | null
}

function rows(page: SectionPage): TimelinePhoto[] {
  return page.id.map((id, at) => ({
    id,
    shownAt: page.shownAt[at] ?? '',
    width: page.width[at] ?? null,
    height: page.height[at] ?? null,
    state: page.state[at] ?? 'stored',
    reason: page.reason[at] ?? null,
    kind: page.kind[at] ?? null,
    durationMs: page.durationMs[at] ?? null,
    thumbnail: page.thumbnail[at] ?? false,
    motion: page.motion[at] ?? false,
    animated: page.animated[at] ?? false,
    renditionVersion: page.renditionVersion[at] ?? null,
    thumbhash: page.thumbhash[at] ?? null,
    fileName: nameOf(page.fileName[at] ?? null),
  }))
}

async function call<T>(method: string, path: string, body?: object, timeoutMs = deadlineMs): Promise<T> {
  let response: Response
  let text: string
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    })
    text = await response.text()
  } catch (cause) {
    throw new Problem('unreachable', "The server can't be reached.", { cause })
  }
  if (!response.ok) throw problemOf(response, text)
  return (text ? parseJson(text) : undefined) as T
}

function problemOf(response: Response, text: string): Problem {
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) {
    const { kind, detail } = parseJson(text) as { kind?: ProblemKind; detail?: string }
    return new Problem(kind ?? 'failed', detail ?? `The server answered ${response.status}.`)
  }
  // A gateway's own answer when the server behind it is down.
  if ([502, 503, 504].includes(response.status)) return new Problem('unreachable', "The server can't be reached.")
  if (response.status === 401) return new Problem('unauthenticated', 'Please sign in.')
  return new Problem('failed', `Something went wrong on the server (${response.status}).`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('failed', "The server's answer can't be understood.", { cause })
  }
}
