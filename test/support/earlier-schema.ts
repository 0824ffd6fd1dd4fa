/** A region's database as an earlier version of the schema made it, for tests of what a newer one does with what is there. */
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { packageFolder } from '../../src/core/package-folder.js'

/** The schema as it was before the file whose name begins so. */
export async function migrateUpTo(databaseUrl: string, name: string): Promise<void> {
  const all = join(packageFolder, 'src/db/migrations')
  const dir = await mkdtemp(join(tmpdir(), 'photosync-migrations-'))
  try {
    const earlier = (await readdir(all)).filter(file => file < name)
    await Promise.all(earlier.map(file => copyFile(join(all, file), join(dir, file))))
    const nothing = () => {}
    const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
    await runner({ databaseUrl, dir, migrationsTable: 'migrations_region', direction: 'up', logger })
  } finally {
    await rm(dir, { recursive: true })
  }
}
