/** Goal: an original that was damaged in the bucket is called damaged, also when its bytes break what decodes them. */
import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { originalKey } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { commitOriginal } from '../../src/library/commit-sql.js'
import { findPhoto } from '../../src/library/photos-sql.js'
import { bytes } from '../../src/storage/bucket.js'
import { Broke } from '../../workers/thumbnail/isolated/broke.js'
import { makeThumbnailJob } from '../../workers/thumbnail/thumbnail-job.js'
import { startRegion, type TestRegion } from '../http/region.js'

let here: TestRegion
let damaged = 0
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(() => {
  damaged = 0
})

const never = new AbortController().signal
const sent = Buffer.from('as it was sent')

/** What becomes of a photo that breaks every decoder, when the bucket holds `kept`. */
async function breakAll(kept: Buffer | undefined) {
  const owner = await here.addPerson()
  const photo = newId()
  const sha256 = createHash('sha256').update(sent).digest()
  const facts = { ...owner, photo, sha256, sizeBytes: sent.length, fileName: null, device: null, modifiedAt: null }
  const key = originalKey(owner, photo)
  await here.bucket.put(key, bytes(kept ?? sent))
  await here.db.transaction(tx => commitOriginal(tx, facts, here.clock.now()))
  let breaks = 0
  const job = makeThumbnailJob({
    db: here.db,
    bucket: here.bucket,
    clock: here.clock,
    log: pino({ level: 'silent' }),
    develop: async () => {
      // It goes while the decoder is at it.
      if (++breaks === limits.photoBreaks && kept === undefined) await here.bucket.delete([key])
      throw new Broke('Decoding the picture crashed')
    },
    onChange: async () => {},
    onDamaged: () => void damaged++,
  })
  for (let time = 1; time < limits.photoBreaks; time++) await job({ photo }, never).catch(() => {})
  await job({ photo }, never)
  return findPhoto(here.db, owner, photo)
}

test('a sound one is verified, and in quarantine for what it breaks', async () => {
  const found = await breakAll(sent)
  expect(found).toMatchObject({ state: 'quarantined', reason: 'Decoding the picture crashed' })
  expect([found?.verifiedAt, damaged]).toEqual([here.clock.now(), 0])
})

test.each([
  ['damaged', Buffer.from('as it was senT'), 'The stored file is damaged: its bytes are not those that were sent'],
  ['gone', undefined, 'The stored file is missing'],
])('one that is %s is called so, and operators are told', async (_, kept, reason) => {
  const found = await breakAll(kept)
  expect(found).toMatchObject({ state: 'quarantined', reason, verifiedAt: null })
  expect(damaged).toBe(1)
})
