/**
 * A program that a test ends as an operator does: takes jobs `thumbnail` from the store that its argument names (a QueueConnection
 * as JSON), three at once, says when it begins and ends one, each of which takes a moment, and drains on SIGTERM.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openLog } from '../../../src/observe/log.js'
import { runJobs } from '../../../workers/run.js'

const [connection, jobMs] = process.argv.slice(2)
if (connection === undefined || jobMs === undefined) throw new Error('Name the connection and how long a job takes')

const runner = await runJobs(
  'thumbnail',
  async ({ photo }, signal) => {
    process.stdout.write(`began ${photo}\n`)
    await sleep(Number(jobMs), undefined, { signal })
    process.stdout.write(`ended ${photo}\n`)
  },
  {
    connection: JSON.parse(connection),
    concurrency: 3,
    deadlineMs: 60_000,
    log: openLog({ name: 'drained', level: 'silent' }),
    observe: () => {},
  },
)
process.once('SIGTERM', () => {
  void runner.drain(20_000).then(() => process.exit(0))
})
process.stdout.write('ready\n')
