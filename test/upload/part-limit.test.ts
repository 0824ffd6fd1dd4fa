/** Goal: a part beyond the limit is refused at the end of its upload, which has ended with that: nobody tries it again and again. */
import { expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { originalsOf } from '../library/originals.js'
import { requestsTo, useTus } from './tus-scene.js'

const scene = useTus()
const { patch, head, create } = requestsTo(scene)

test('one part too many is refused, and its upload has ended', async () => {
  const photos = originalsOf(scene.region.db, scene.people[0])
  const { photo } = await photos.send('whole')
  for (let count = 0; count < limits.partsPerPhoto; count++)
    await photos.send(`edit ${count}`, { partOf: { photo, role: 'edit' } })
  const content = 'one more'
  const path = await create(content.length, { partOf: photo, role: 'edit' })
  const last = await patch(path, 0, content)
  expect(last.status).toBe(409)
  expect(last.text).toContain(`${limits.partsPerPhoto} parts`)
  expect((await head(path)).status).toBe(410)
  expect(await photos.rows(content)).toEqual([])
})
