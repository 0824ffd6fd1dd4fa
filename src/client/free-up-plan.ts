/**
 * Which local files may go: finds them, those together that are one photo (groups.ts), and judges each group by what the
 * server says of all of its files. A group goes as a whole or stays as a whole. Finding reads folders and files; judging is pure.
 */
import { lstat } from 'node:fs/promises'
import type { CheckAnswer } from './api.js'
import { errorOfFile } from './file-errors.js'
import { type GalleryFile, galleryFiles, type Root } from './gallery-files.js'
import { type RemovableFile, readRemovable } from './removable-file.js'

/** Why a file stays, in words for its owner. */
export const stayReasons = {
  newer: 'is newer than that',
  missing: 'is not on the server: push it first',
  unverified: 'is stored but not verified yet: try again later',
  deleted: 'was deleted on the server, or is in its trash',
  quarantined: 'is set aside on the server, which could not deal with it',
  changed: 'changed meanwhile',
  unreadable: 'cannot be read or named',
  part: 'belongs to a photo of which another file stays',
} as const
export type StayReason = keyof typeof stayReasons

export interface StayingFile {
  /** Relative to the folder that was given, with `/` between its parts. */
  readonly file: string
  readonly reason: StayReason
  /** What there is to say beyond the reason. */
  readonly detail?: string
}

export interface LocalFile {
  readonly name: string
  readonly path: string
  /** As of `GalleryFile`. */
  readonly within?: string | undefined
}

export interface HashedLocalFile extends LocalFile, RemovableFile {}

/** The files of one photo. */
export type Group<F extends LocalFile = LocalFile> = readonly F[]

/** Every photo below the folder with the files that are parts of it, and what cannot be read. What else lies there is left alone. */
export async function findGroups(
  root: Root,
  signal: AbortSignal | undefined,
): Promise<{ groups: Group[]; unreadable: StayingFile[] }> {
  const groups: Group[] = []
  const unreadable: StayingFile[] = []
  for await (const found of galleryFiles([root], signal)) {
    if (found.kind === 'unreadable') {
      unreadable.push({ file: found.name, reason: 'unreadable', detail: found.reason })
    } else if (found.kind === 'file') {
      groups.push([found.file, ...found.parts.map(({ file }) => file)].map(localFile))
    }
  }
  return { groups, unreadable }
}

const localFile = ({ name, path, within }: GalleryFile): LocalFile => ({ name, path, within })

/** Reads every file of the group, or says why the group stays. `olderThan`: the latest time of a file that may go. */
export async function readGroup(
  group: Group,
  olderThan: Date,
  signal: AbortSignal | undefined,
): Promise<{ hashed: Group<HashedLocalFile> } | { stays: StayingFile[] }> {
  const reasons = new Map<string, Omit<StayingFile, 'file'>>()
  const hashed: HashedLocalFile[] = []
  let current = ''
  try {
    for (const { name, path } of group) {
      current = name
      // A time that cannot be is no old one.
      if (!((await lstat(path)).mtimeMs < olderThan.getTime())) reasons.set(name, { reason: 'newer' })
    }
    if (reasons.size > 0) return { stays: staying(group, reasons) }
    for (const file of group) {
      current = file.name
      hashed.push({ ...file, ...(await readRemovable(file, signal)) })
    }
    return { hashed }
  } catch (error) {
    signal?.throwIfAborted()
    const { kind, message } = errorOfFile(error)
    reasons.set(current, { reason: kind === 'conflict' ? 'changed' : 'unreadable', detail: message })
    return { stays: staying(group, reasons) }
  }
}

export type Answers = ReadonlyMap<string, ContentAnswer>

/** What the server says of one content. */
export interface ContentAnswer {
  readonly here: readonly CheckAnswer['here'][number][]
  readonly deleted: boolean
  readonly missing: boolean
}

export function answersOf({ missing, here, deleted }: CheckAnswer): Answers {
  const answers = new Map<string, { here: CheckAnswer['here'][number][]; deleted: boolean; missing: boolean }>()
  const of = (sha256: string) => {
    const answer = answers.get(sha256) ?? { here: [], deleted: false, missing: false }
    answers.set(sha256, answer)
    return answer
  }
  for (const sha256 of missing) of(sha256).missing = true
  for (const { sha256 } of deleted) of(sha256).deleted = true
  for (const entry of here) of(entry.sha256).here.push(entry)
  return answers
}

/** The files of the group that stay, all of them or none: none means that the whole group may go. */
export function judge(group: Group<HashedLocalFile>, answers: Answers): StayingFile[] {
  const reasons = new Map<string, Omit<StayingFile, 'file'>>()
  const wholes = new Set(group.flatMap(({ sha256 }) => wholesOf(answers.get(sha256))))
  for (const { name, sha256 } of group) {
    const reason = reasonToStay(answers.get(sha256), wholes)
    if (reason) reasons.set(name, { reason })
  }
  return reasons.size === 0 ? [] : staying(group, reasons)
}

/** The photos on the server that this content is, or is a part of; of a sidecar nothing, since the same one may be of many. */
function wholesOf(answer: ContentAnswer | undefined): string[] {
  return (answer?.here ?? []).filter(({ role }) => role !== 'sidecar').map(({ photo, partOf }) => partOf ?? photo)
}

function reasonToStay(answer: ContentAnswer | undefined, wholes: ReadonlySet<string>): StayReason | undefined {
  if (answer?.deleted) return 'deleted'
  if (!answer || answer.missing) return 'missing'
  // A sidecar counts only where it lies beside the same photo as here.
  const here = answer.here.filter(({ role, partOf }) => role !== 'sidecar' || (partOf !== null && wholes.has(partOf)))
  if (here.length === 0) return 'missing'
  if (here.some(({ state }) => state === 'quarantined')) return 'quarantined'
  return here.every(({ verified }) => verified === true) ? undefined : 'unverified'
}

function staying(group: Group, reasons: ReadonlyMap<string, Omit<StayingFile, 'file'>>): StayingFile[] {
  return group.map(({ name }) => ({ file: name, ...(reasons.get(name) ?? { reason: 'part' as const }) }))
}
