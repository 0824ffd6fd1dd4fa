/**
 * Which files of one folder are one photo: a picture with its moving half (Live Photo), its edits (iOS `IMG_E1234` beside
 * `IMG_1234`, `-edited`, `~2`) and its sidecars (`IMG_1.xmp`, `IMG_1.JPG.xmp`). Decided by names, in any case and script; a
 * video becomes the moving half only of a picture that changed within seconds of it, since cameras that number pictures and
 * videos on their own give the same name to strangers. What stays apart here is still paired by the service where the two
 * halves name each other inside. Pure.
 */
import type { PartRole } from '../core/part-roles.js'
import { mediaTypeOf } from './media-types.js'

export interface Group {
  /** A file name in the folder. */
  readonly whole: string
  readonly parts: readonly { readonly name: string; readonly role: PartRole }[]
}

export interface Grouped {
  /** In the order of the names that were given. */
  readonly groups: readonly Group[]
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

export interface Facts {
  readonly modifiedMs: number
  readonly sizeBytes: number
}

export const skippedBecause = {
  otherKind: 'not a picture or video',
  recipe: 'the recipe of an edit; the edited picture itself is sent',
  lonelySidecar: 'a sidecar without its photo',
  manyParts: 'one of too many sidecars of a photo',
} as const

/** The two halves of a Live Photo are written at one moment; copying them takes seconds. */
const pairMs = 10_000
/** Three seconds of video, with room to spare. */
const motionBytesMax = 64 * 1024 * 1024
const partsMax = 50

/** How an edited copy is called in the languages of those who make it: `IMG_1-edited.jpg`, `IMG_1-edited(1).jpg`. */
const editedWords = [
  'edited',
  'bearbeitet',
  'modifié',
  'modificato',
  'editado',
  'ha editado',
  'bewerkt',
  'edytowane',
  'redigerad',
  'redigeret',
  'muokattu',
  'düzenlendi',
  'изменено',
  '編集済み',
  '已修改',
  '编辑',
  '편집됨',
]
const copyPattern = new RegExp(`^(.+)-(?:${editedWords.join('|')})(\\(\\d+\\))?$`, 'u')

interface Media {
  name: string
  stem: string
  ending: string
  video: boolean
}

/** Names whose facts decide whether they are one photo: videos and the pictures of the same name. */
export function pairCandidates(names: readonly string[]): string[] {
  const byStem = stemsOf(names.map(mediaOf).filter(media => media !== undefined))
  return [...byStem.values()]
    .filter(all => all.some(({ video }) => video) && all.some(canMove))
    .flatMap(all => all.filter(media => media.video || canMove(media)).map(({ name }) => name))
}

/** `factsOf` is asked for those of `pairCandidates` only; a file without facts is paired with nothing. */
export function groupFiles(names: readonly string[], factsOf: (name: string) => Facts | undefined): Grouped {
  const media = names.map(mediaOf).filter(media => media !== undefined)
  const byStem = stemsOf(media)
  const byName = new Map(media.map(one => [keyOf(one.name), one]))
  const partOf = new Map<string, { whole: string; role: PartRole }>()
  const partsOf = new Map<string, { name: string; role: PartRole }[]>()
  const rootOf = (name: string) => partOf.get(name)?.whole ?? name
  const add = (whole: string, name: string, role: PartRole): boolean => {
    const parts = partsOf.get(whole) ?? []
    if (parts.length >= partsMax) return false
    parts.push({ name, role })
    partsOf.set(whole, parts)
    partOf.set(name, { whole, role })
    return true
  }

  const stillOf = new Map<string, string>()
  for (const all of byStem.values()) {
    const [still] = all.filter(canMove).sort(byPreference)
    const motion = still && all.find(video => video.video && isMotionOf(factsOf(still.name), factsOf(video.name)))
    if (motion) stillOf.set(motion.name, still.name)
  }
  const standing = media.filter(({ name }) => !stillOf.has(name))
  // Shorter names first: an edit of an edit then finds what that one is an edit of.
  for (const edit of standing.toSorted((a, b) => a.stem.length - b.stem.length)) {
    const original = editOf(edit, byStem)
    if (original && !stillOf.has(original.name)) add(rootOf(original.name), edit.name, 'edit')
  }
  // After the edits: the moving half of an edited picture goes with the photo that this is an edit of.
  for (const [video, still] of stillOf) add(rootOf(still), video, 'motion')

  const skipped: { name: string; reason: string }[] = []
  for (const name of names) {
    if (mediaOf(name)) continue
    if (!isSidecar(name)) {
      skipped.push({ name, reason: /\.aae$/i.test(name) ? skippedBecause.recipe : skippedBecause.otherKind })
      continue
    }
    const base = name.slice(0, -'.xmp'.length)
    const owner = byName.get(keyOf(base)) ?? byStem.get(keyOf(base))?.toSorted(bySidecarPreference)[0]
    if (!owner) skipped.push({ name, reason: skippedBecause.lonelySidecar })
    else if (!add(rootOf(owner.name), name, 'sidecar')) skipped.push({ name, reason: skippedBecause.manyParts })
  }
  const groups = media
    .filter(({ name }) => !partOf.has(name))
    .map(({ name }) => ({ whole: name, parts: partsOf.get(name) ?? [] }))
  return { groups, skipped }
}

export const isSidecar = (name: string): boolean => /.\.xmp$/i.test(name)

/** Two names that differ only in case, or in how their letters are put together, are the same name. */
const keyOf = (name: string): string => name.normalize('NFC').toLowerCase()

function mediaOf(name: string): Media | undefined {
  const mediaType = mediaTypeOf(name)
  if (!mediaType) return undefined
  const dot = name.lastIndexOf('.')
  const ending = name.slice(dot + 1).toLowerCase()
  return { name, stem: keyOf(name.slice(0, dot)), ending, video: mediaType.startsWith('video/') }
}

function stemsOf(media: readonly Media[]): Map<string, Media[]> {
  const byStem = new Map<string, Media[]>()
  for (const one of media) {
    const all = byStem.get(one.stem)
    if (all) all.push(one)
    else byStem.set(one.stem, [one])
  }
  return byStem
}

const canMove = ({ ending }: Media): boolean => /^(heic|heif|hif|jpe?g)$/.test(ending)

function isMotionOf(still: Facts | undefined, video: Facts | undefined): boolean {
  if (!still || !video) return false
  return video.sizeBytes <= motionBytesMax && Math.abs(still.modifiedMs - video.modifiedMs) <= pairMs
}

function editOf({ stem, ending, video }: Media, byStem: ReadonlyMap<string, Media[]>): Media | undefined {
  const original = originalStem(stem)
  const all = (original !== undefined && byStem.get(original)) || []
  return all
    .filter(other => other.video === video)
    .sort((a, b) => Number(b.ending === ending) - Number(a.ending === ending) || byPreference(a, b))[0]
}

function originalStem(stem: string): string | undefined {
  const phone = /^img_e(\d{4,5})$/.exec(stem)
  if (phone) return `img_${phone[1]}`
  const copy = copyPattern.exec(stem)
  if (copy) return `${copy[1]}${copy[2] ?? ''}`
  return /^(.+)~\d{1,2}$/.exec(stem)?.[1]
}

/** Of several files of one name: what a phone keeps, then what everybody reads, then the others. */
const rank = ({ ending, video }: Media): number =>
  video ? 3 : /^(heic|heif|hif)$/.test(ending) ? 0 : /^jpe?g$/.test(ending) ? 1 : 2
const byPreference = (a: Media, b: Media): number => rank(a) - rank(b)

/** Programs write a sidecar beside what they cannot write into: a raw picture before others. */
const isRaw = ({ ending }: Media): boolean => /^(dng|arw|cr2|cr3|nef|orf|pef|raf|rw2)$/.test(ending)
const bySidecarPreference = (a: Media, b: Media): number => Number(isRaw(b)) - Number(isRaw(a)) || byPreference(a, b)
