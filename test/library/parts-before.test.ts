/** Goal: what photos had left behind that became parts before their wholes were given it is given to those by the newer schema. */
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageFolder } from '../../src/core/package-folder.js'
import { type Database, openDatabase } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { type FreshDatabase, freshDatabase } from '../support/services.js'

let fresh: FreshDatabase
let db: Database
beforeEach(async () => {
  fresh = await freshDatabase()
  db = openDatabase({ url: fresh.url, onIdleError: () => {} })
})
afterEach(async () => {
  await db.close()
  await fresh.drop()
})

/** The schema as it was before the file of that name. */
async function migrateUpTo(name: string): Promise<void> {
  const all = join(packageFolder, 'src/db/migrations')
  const dir = await mkdtemp(join(tmpdir(), 'photosync-migrations-'))
  const earlier = (await readdir(all)).filter(file => file < name)
  await Promise.all(earlier.map(file => copyFile(join(all, file), join(dir, file))))
  const nothing = () => {}
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  await runner({ databaseUrl: fresh.url, dir, migrationsTable: 'migrations_region', direction: 'up', logger })
  await rm(dir, { recursive: true })
}

test('albums, the favourite mark and the words of a part are its whole’s', async () => {
  await migrateUpTo('0004')
  await db.query(`insert into people values ('ana', 'ana', 'ana', '', now())`)
  await db.query(`insert into placements values ('ana', 1, 'open')`)
  await db.query(`insert into feeds (person, epoch, seq) values ('ana', 1, 7)`)
  await db.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, shown_at, part_of, role, favourite, rating, edits)
     select id, 'ana', 1, sha256(id::bytea), 1, now(), now(), part_of, role, favourite, rating, edits from (values
       ('whole', null, null, false, null, '{}'::jsonb), ('film', 'whole', 'motion', true, 4, '{"rating": 4}'),
       ('plain', null, null, false, null, '{}'), ('words', 'plain', 'sidecar', false, 2, '{}')
     ) as photo (id, part_of, role, favourite, rating, edits)`,
  )
  await db.query(`insert into albums values ('sea', 'ana', 1, 'Sea', now())`)
  await db.query(`insert into album_photos (album, photo, added_at) values ('sea', 'film', now())`)

  await migrate(fresh.url, 'region')
  await migrate(fresh.url, 'region')
  const photos = await db.query('select id, favourite, rating, part_of as "partOf" from photos order by id')
  expect(photos).toEqual([
    { id: 'film', favourite: false, rating: 4, partOf: 'whole' },
    { id: 'plain', favourite: false, rating: null, partOf: null },
    { id: 'whole', favourite: true, rating: 4, partOf: null },
    { id: 'words', favourite: false, rating: 2, partOf: 'plain' },
  ])
  expect(await db.query('select album, photo from album_photos')).toEqual([{ album: 'sea', photo: 'whole' }])
  expect(await db.query('select seq, kind, photo, album from changes order by seq')).toEqual([
    { seq: 8, kind: 'added', photo: 'whole', album: 'sea' },
    { seq: 9, kind: 'removed', photo: 'film', album: 'sea' },
    { seq: 10, kind: 'edited', photo: 'film', album: null },
    { seq: 11, kind: 'edited', photo: 'whole', album: null },
  ])
})
