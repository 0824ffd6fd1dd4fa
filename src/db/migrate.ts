/** Brings a database to the newest schema. Forward only; safe to run from several processes at once (an advisory lock). */
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { AppError } from '../core/errors.js'
import { packageFolder } from '../core/package-folder.js'

/** `region` is a region's own database, `directory` the partition's. Both may be the same database. */
export async function migrate(url: string, schema: 'region' | 'directory'): Promise<void> {
  try {
    await runner({
      databaseUrl: { connectionString: url, connectionTimeoutMillis: 10_000 },
      // The SQL files stay in src/, also when this runs from dist/.
      dir: join(packageFolder, 'src/db', schema === 'region' ? 'migrations' : 'directory-migrations'),
      migrationsTable: `migrations_${schema}`,
      direction: 'up',
      advisoryLockMode: 'wait',
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    })
  } catch (cause) {
    throw new AppError('unavailable', `The ${schema} database could not be brought up to date: ${firstLine(cause)}`, {
      cause,
    })
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error && error.message.split('\n')[0]) || 'no answer'
}
