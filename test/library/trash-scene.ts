/** What tests of the trash and of edits do again and again. */
import { createHash, randomBytes } from 'node:crypto'
import { newId } from '../../src/core/ids.js'
import { originalKey, type Placement, placementPrefix } from '../../src/core/keys.js'
import type { PartRole } from '../../src/core/part-roles.js'
import { recipe } from '../../src/core/renditions.js'
import { commitOriginal } from '../../src/library/commit-sql.js'
import { noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import { beginAttempt, type Ready, type Work } from '../../src/library/work-sql.js'
import { bytes } from '../../src/storage/bucket.js'
import type { TestPerson, TestRegion } from '../http/region.js'

export interface Sent {
  content?: Buffer
  partOf?: { photo: string; role: PartRole }
  keepDeleted?: boolean
}

/** As an upload commits it, its object before its row. */
export async function send(here: TestRegion, owner: Placement, { content = randomBytes(16), ...rest }: Sent = {}) {
  const photo = newId()
  const sha256 = createHash('sha256').update(content).digest()
  await here.bucket.put(originalKey(owner, photo), bytes(content))
  const facts = { fileName: 'IMG_1.jpg', device: null, modifiedAt: null, sizeBytes: content.length, ...rest }
  return commitOriginal(here.db, { ...owner, photo, sha256, ...facts }, here.clock.now())
}

export async function sentPhoto(here: TestRegion, owner: Placement, sent: Sent = {}): Promise<string> {
  return (await send(here, owner, sent)).photo
}

export async function beginWork(here: TestRegion, photo: string): Promise<Work> {
  const work = await beginAttempt(here.db, photo, recipe)
  if (!work) throw new Error('it waits for nobody')
  return work
}

export const readyWith = (facts: Partial<PhotoFacts> = {}, kind: 'picture' | 'video' = 'picture'): Ready => ({
  kind,
  mediaType: kind === 'picture' ? 'image/jpeg' : 'video/mp4',
  width: 40,
  height: 30,
  durationMs: null,
  thumbhash: null,
  recipe,
  renditions: ['256.webp'],
  look: null,
  facts: { ...noFacts, ...facts },
  reason: null,
})

export async function keysOf({ bucket }: TestRegion, owner: Placement): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of bucket.list(placementPrefix(owner))) keys.push(key)
  return keys
}

/** "kind photo" of every change, in their order. */
export async function changesOf({ db }: TestRegion, { person, epoch }: Placement): Promise<string[]> {
  const rows = await db.query<{ kind: string; photo: string }>(
    'select kind, photo from changes where person = $1 and epoch = $2 order by seq',
    [person, epoch],
  )
  return rows.map(({ kind, photo }) => `${kind} ${photo}`)
}

/** The answer to a POST, which must be a 200. */
export async function post(here: TestRegion, { token }: TestPerson, path: string, json: object): Promise<unknown> {
  const response = await here.ask('POST', path, { token, json })
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

export const all = { all: true } as const

/** What a person does to their trash, over the API. */
export function trashOf(here: () => TestRegion, who: () => TestPerson) {
  const ask = (path: string, body: object) => post(here(), who(), path, body)
  const trash = (photos: readonly string[]) => ask('/v1/photos/trash', { photos }) as Promise<{ trashed: number }>
  const empty = (what: readonly string[] | { all: true; before?: string }) =>
    ask('/v1/trash/empty', 'all' in what ? what : { photos: what }) as Promise<{ deleted: number }>
  return {
    trash,
    restore: (photos: readonly string[]) => ask('/v1/photos/restore', { photos }) as Promise<{ restored: number }>,
    empty,
    /** For good. */
    async remove(photos: readonly string[]) {
      await trash(photos)
      await empty(photos)
    },
  }
}

/** Ids of the photos that the timeline shows. */
export async function shownOf(here: TestRegion, { token }: TestPerson): Promise<string[]> {
  const { sections } = (await (await here.ask('GET', '/v1/timeline', { token })).json()) as {
    sections: { id: string; count: number }[]
  }
  const shown: string[] = []
  for (const { id, count } of sections) {
    const page = (await (await here.ask('GET', `/v1/timeline/${id}`, { token })).json()) as { id: string[] }
    if (page.id.length !== count) throw new Error(`the section ${id} says ${count} and has ${page.id.length}`)
    shown.push(...page.id)
  }
  return shown.toSorted()
}
