/** Goal: albums that were there before the newer schema are listed as they were: by the times of their photos, without hidden ones. */
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { listAlbum, listAlbums } from '../../src/library/albums/albums.js'
import { migrateUpTo } from '../support/earlier-schema.js'
import { freshDatabase } from '../support/services.js'

test('albums of an earlier schema', async () => {
  const fresh = await freshDatabase()
  const db = openDatabase({ url: fresh.url, onIdleError: () => {} })
  try {
    await migrateUpTo(fresh.url, '0005')
    const album = '0'.repeat(26)
    await db.query(`insert into people values ('ana', 'ana', 'ana', '', now())`)
    await db.query(`insert into placements values ('ana', 1, 'open')`)
    await db.query(`insert into feeds (person, epoch) values ('ana', 1)`)
    await db.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, shown_at, part_of, role, trashed_at)
       select id, 'ana', 1, sha256(id::bytea), 1, now(), shown_at::timestamp, part_of, role, trashed_at from (values
         ('older', '2024-01-01', null, null, null::timestamptz), ('newer', '2025-01-01', null, null, null),
         ('half', '2026-01-01', 'older', 'motion', null), ('trashed', '2027-01-01', null, null, now())
       ) as photo (id, shown_at, part_of, role, trashed_at)`,
    )
    await db.query(`insert into albums values ($1, 'ana', 1, 'Sea', now())`, [album])
    await db.query('insert into album_photos (album, photo, added_at) select $1, id, now() from photos', [album])

    await migrate(fresh.url, 'region')
    const ana = { person: 'ana', epoch: 1 }
    expect(await listAlbums(db, ana)).toMatchObject([{ id: album, photos: 2, cover: 'newer' }])
    expect((await listAlbum(db, ana, album, { limit: 10 })).id).toEqual(['newer', 'older'])
    await db.query(`update photos set trashed_at = null where id = 'trashed'`)
    expect((await listAlbum(db, ana, album, { limit: 10 })).id).toEqual(['trashed', 'newer', 'older'])
  } finally {
    await db.close()
    await fresh.drop()
  }
})
