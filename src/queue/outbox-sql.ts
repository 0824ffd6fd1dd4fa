/**
 * The outbox: jobs written in the same transaction as the change that wants them, so that neither exists without the other,
 * whatever the queue's store forgets. workers/relay hands them on.
 */
import type { Database, Queryable } from '../db/database.js'
import { type Job, jobNames, parseJob } from './jobs.js'

/** Within the caller's transaction; a TypeError for what is no job, before it is written. Publish the signal `outbox` after its commit, so that the relay looks at once. */
export async function addToOutbox(tx: Queryable, jobs: readonly Job[]): Promise<void> {
  if (jobs.length === 0) return
  await tx.query('insert into outbox (job, data) select * from unnest($1::text[], $2::jsonb[])', [
    jobs.map(({ name }) => name),
    jobs.map(job => JSON.stringify(parseJob(job).data)),
  ])
}

/**
 * Hands rows to `send` and removes them once it has resolved: the oldest and, where there are more than `limit`, the newest half and
 * half, so that after an outage a photo of just now doesn't wait for all of yesterday's. When it rejects, or the process dies, they stay and
 * are sent again: at least once. Several relays may run; each row is with one of them at a time. Rows of a kind that isn't
 * known here stay for a process that is newer than this one. Returns how many were sent.
 */
export async function drainOutbox(db: Database, limit: number, send: (jobs: Job[]) => Promise<void>): Promise<number> {
  return db.transaction(async tx => {
    const rows = await tx.query<{ id: number; job: Job['name']; data: Job['data'] }>(
      `with oldest as (select id, job, data from outbox where job = any($2) order by id limit $1 for update skip locked),
         newest as (select id, job, data from outbox where job = any($2) order by id desc limit $3 for update skip locked)
       select * from oldest union select * from newest order by id`,
      [Math.ceil(limit / 2), jobNames, Math.floor(limit / 2)],
    )
    if (rows.length === 0) return 0
    await send(rows.map(({ job, data }) => ({ name: job, data }) as Job))
    await tx.query('delete from outbox where id = any($1)', [rows.map(({ id }) => id)])
    return rows.length
  })
}

/** How many rows there are of each kind of job. */
export async function countOutbox(db: Queryable): Promise<Map<string, number>> {
  const rows = await db.query<{ job: string; count: number }>('select job, count(*) as count from outbox group by job')
  return new Map(rows.map(({ job, count }) => [job, count]))
}
