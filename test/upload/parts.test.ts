/**
 * Goal: parts are taken for a photo that is there, and refused before any byte else; and every answer that has a receipt says when the
 * content is one that its owner deleted.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { PartRole } from '../../src/core/part-roles.js'
import { trashPhotos } from '../../src/library/trash/trash.js'
import { originalsOf } from '../library/originals.js'
import { requestsTo, useTus } from './tus-scene.js'
import { metadataOf, offsetBody } from './tus-server.js'

const scene = useTus()
const { post, patch, head, create } = requestsTo(scene)
let count = 0
let whole: string
const photos = () => originalsOf(scene.region.db, scene.people[0])
const receipt = ({ headers }: Awaited<ReturnType<typeof head>>) =>
  ['photosync-photo', 'photosync-duplicate', 'photosync-deleted'].map(name => headers[name])
const partOf = (photo: string, role: PartRole) => ({ partOf: photo, role })
const uploadsNow = async () => (await scene.region.db.query('select id from uploads')).length
const trash = (photo: string) => trashPhotos(scene.region.db, scene.people[0], { photos: [photo], now: new Date() })

beforeEach(async () => {
  whole = (await photos().send(`whole ${++count}`)).photo
})

const send = (content: string, metadata: Record<string, string>) =>
  post({ 'Upload-Length': content.length, 'Upload-Metadata': metadataOf(metadata), ...offsetBody }, content)

describe('a part', () => {
  test('becomes one of its photo', async () => {
    const answer = await send(`edit ${count}`, partOf(whole, 'edit'))
    expect(answer.status).toBe(201)
    expect(await photos().rows(`edit ${count}`)).toEqual([
      { id: answer.headers['photosync-photo'], partOf: whole, role: 'edit', trashed: false },
    ])
  })

  test('may be put together from several uploads, which need not say it', async () => {
    const content = `edit ${count}`
    const partials = await Promise.all(
      [content.slice(0, 2), content.slice(2)].map(async piece => {
        const path = await create(piece.length, {}, { 'Upload-Concat': 'partial' })
        await patch(path, 0, piece)
        return path
      }),
    )
    const headers = { 'Upload-Concat': `final;${partials.join(' ')}` }
    const final = await post({ ...headers, 'Upload-Metadata': metadataOf(partOf(whole, 'edit')) })
    expect(final.status).toBe(201)
    expect(await photos().rows(content)).toMatchObject([{ partOf: whole, role: 'edit' }])
    const elsewhere = await post({ ...headers, 'Upload-Metadata': metadataOf(partOf(newId(), 'edit')) })
    expect(elsewhere.headers['photosync-photo']).toBe(final.headers['photosync-photo'])
  })

  test.each([
    ['nobody', async () => newId()],
    ['a part', async () => (await photos().send(`film ${count}`, { partOf: { photo: whole, role: 'motion' } })).photo],
    ['somebody else', async () => (await originalsOf(scene.region.db, scene.people[1]).send(`bens ${count}`)).photo],
  ])('of %s is refused, and nothing is left of it', async (_whom, prepare) => {
    const metadata = partOf(await prepare(), 'edit')
    const before = await uploadsNow()
    expect((await send(`late ${count}`, metadata)).status).toBe(409)
    expect(await uploadsNow()).toBe(before)
    expect(await photos().rows(`late ${count}`)).toEqual([])
  })

  test('of a photo that was deleted meanwhile is refused at its end, and its upload has ended', async () => {
    const content = `edit ${count}`
    const path = await create(content.length, partOf(whole, 'edit'))
    await photos().remove(whole)
    const last = await patch(path, 0, content)
    expect([last.status, receipt(last)]).toEqual([409, [undefined, undefined, undefined]])
    expect((await head(path)).status).toBe(410)
    expect(await photos().rows(content)).toEqual([])
  })

  test('that says nothing of whose or which is refused', async () => {
    expect((await send('x', { partOf: whole })).status).toBe(400)
    expect((await send('x', { role: 'edit' })).status).toBe(400)
    expect((await send('x', { partOf: 'whole', role: 'edit' })).status).toBe(400)
  })
})

describe('content that its owner deleted', () => {
  test('stays so for one who asks that, and each answer says so', async () => {
    const content = `whole ${count}`
    await trash(whole)
    const path = await create(content.length, { ifDeleted: 'keep' })
    const receipts = [
      await patch(path, 0, content),
      await head(path),
      await head(path, scene.other.port),
      await patch(path, content.length, ''),
      await patch(path, 1, content.slice(1)),
    ].map(receipt)
    expect(receipts).toEqual(receipts.map(() => [whole, '?1', '?1']))
    expect(await photos().rows(content)).toMatchObject([{ trashed: true }])
  })

  test('comes back for one who does not', async () => {
    await trash(whole)
    const answer = await send(`whole ${count}`, {})
    expect(receipt(answer)).toEqual([whole, '?1', undefined])
    expect(await photos().rows(`whole ${count}`)).toMatchObject([{ trashed: false }])
  })
})
