/** Goal: signals keep their contract on Postgres, also when the listener's connection is cut. */
import pg from 'pg'
import { freshDatabase, usePostgres } from '../../support/services.js'
import { signalsSuite } from './signals-suite.js'

signalsSuite('postgres', async () => {
  const database = await freshDatabase()
  return {
    connection: { databaseUrl: database.url },
    breakConnections: () => cutAll(new URL(database.url).pathname.slice(1)),
    close: database.drop,
  }
})

async function cutAll(database: string): Promise<void> {
  const client = new pg.Client({ connectionString: usePostgres() })
  await client.connect()
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
  await client.end()
}
