/**
 * How many edits are found to be the same picture as their original, and how many different pictures are called the same. Looks are
 * those that the worker takes. Different are: any two photos with all their edits, and the quarters of all photos.
 */
import sharp from 'sharp'
import { hashDistance } from '../../../workers/dedupe/hash-index.js'
import { compare, type Pictured, picturedOf } from '../../../workers/dedupe/match.js'
import { developPicture } from '../../../workers/thumbnail/picture/render.js'
import { editsOf, quartersOf } from './edits.js'
import type { PhotoFile } from './photos.js'

export interface Accuracy {
  photos: number
  /** Photos with too little in them to be compared with any. */
  blank: string[]
  /** By the edit's name. */
  edits: Map<string, { made: number; found: number }>
  missed: string[]
  pairs: number
  falsePairs: string[]
}

interface Seen {
  /** Of what photo, or which quarter of one. */
  subject: string
  name: string
  pictured: Pictured
  phash: bigint
}

export async function measureAccuracy(
  photos: readonly PhotoFile[],
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<Accuracy> {
  const accuracy: Accuracy = { photos: 0, blank: [], edits: new Map(), missed: [], pairs: 0, falsePairs: [] }
  const all: Seen[] = []
  const originals: { name: string; levels: Buffer }[] = []
  for (const { name, read } of photos) {
    signal.throwIfAborted()
    const file = await read()
    const original = await see(file, name, name)
    if (!original) {
      accuracy.blank.push(name)
      continue
    }
    accuracy.photos++
    const levels = await levelsOf(file)
    // A folder may hold one picture twice, turned or in another size: its pixels tell.
    const subject = originals.find(other => isEqual(other.levels, levels))?.name ?? name
    if (subject === name) originals.push({ name, levels })
    all.push({ ...original, subject })
    for await (const { edit, file: edited } of editsOf(file)) {
      const seen = await see(edited, subject, `${name}, ${edit}`)
      const tally = accuracy.edits.get(edit) ?? { made: 0, found: 0 }
      accuracy.edits.set(edit, tally)
      tally.made++
      if (seen) all.push(seen)
      if (seen && isSame(original, seen)) tally.found++
      else accuracy.missed.push(`${name}, ${edit}`)
    }
    if (subject === name) all.push(...(await seeQuarters(file, name)))
    say(`${name}: ${accuracy.missed.filter(missed => missed.startsWith(`${name},`)).length} edits not found`)
  }
  countFalsePairs(all, accuracy)
  return accuracy
}

/** But for those that are equal: the quarters of a chart may be. */
async function seeQuarters(file: Buffer, photo: string): Promise<Seen[]> {
  const quarters: { seen: Seen; levels: Buffer }[] = []
  for (const [i, quarter] of (await quartersOf(file)).entries()) {
    const name = `${photo}, quarter ${i}`
    const seen = await see(quarter, name, name)
    const levels = await levelsOf(quarter)
    if (seen && !quarters.some(other => isEqual(other.levels, levels))) quarters.push({ seen, levels })
  }
  return quarters.map(({ seen }) => seen)
}

/** Quarters of one photo are different pictures; a quarter and its whole photo are neither. */
function countFalsePairs(all: readonly Seen[], accuracy: Accuracy): void {
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(0, i)) {
      const isPart = a.subject.startsWith(`${b.subject}, `) || b.subject.startsWith(`${a.subject}, `)
      if (a.subject === b.subject || isPart) continue
      accuracy.pairs++
      if (isSame(a, b)) accuracy.falsePairs.push(`${a.name} = ${b.name}`)
    }
  }
}

const isSame = (a: Seen, b: Seen) => compare(a.pictured, b.pictured, hashDistance(a.phash, b.phash)) === 'same'

const now = new Date()

async function see(file: Buffer, subject: string, name: string): Promise<Seen | undefined> {
  const { look, width, height } = await developPicture(file, { now })
  if (!look || width === null || height === null) return undefined
  // Nothing but the pixels may help: a shared moment would make it stricter, not laxer.
  const told = { takenAt: null, cameraMake: null, cameraModel: null, burst: null }
  return { subject, name, phash: look.phash, pictured: picturedOf({ look: look.detail, width, height, ...told }) }
}

const labelEdgePx = 128

function levelsOf(file: Buffer): Promise<Buffer> {
  return sharp(file, { autoOrient: true })
    .flatten({ background: '#ffffff' })
    .greyscale()
    .resize(labelEdgePx, labelEdgePx, { fit: 'fill' })
    .toColourspace('b-w')
    .raw()
    .toBuffer()
}

/** The labels know nothing of looks: equal pixels at sixteen times their size. */
function isEqual(a: Buffer, b: Buffer): boolean {
  let difference = 0
  for (let i = 0; i < a.length; i++) difference += Math.abs((a[i] as number) - (b[i] as number))
  return difference / a.length < 8
}
