/**
 * A program that a test kills: takes jobs `thumbnail` from the store that its argument names (a QueueConnection as JSON),
 * says when it has begun one, and never ends it.
 */
import { openLog } from '../../../src/observe/log.js'
import { runJobs } from '../../../workers/run.js'

const [connection, stallMs] = process.argv.slice(2)
if (connection === undefined || stallMs === undefined) throw new Error('Name the connection and the stall time')

await runJobs(
  'thumbnail',
  ({ photo }) => {
    process.stdout.write(`began ${photo}\n`)
    return new Promise(() => {})
  },
  {
    connection: JSON.parse(connection),
    concurrency: 1,
    deadlineMs: 60_000,
    stallMs: Number(stallMs),
    log: openLog({ name: 'killed', level: 'silent' }),
    observe: () => {},
  },
)
process.stdout.write('ready\n')
