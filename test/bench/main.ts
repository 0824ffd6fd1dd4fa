/** `npm run bench -- NAME`: runs one bench and tells what it found. README shows the tables. */
import { parseArgs } from 'node:util'
import { isAppError } from '../../src/core/errors.js'
import type { Bench } from './bench.js'
import { describeMachine } from './machine.js'
import { toJson, toText, writeReport } from './report.js'

/** Each is loaded only when it runs: what decodes strangers' pictures closes loaders of this process that drawing needs. */
const benches: Readonly<Record<string, { about: string; load: () => Promise<Bench> }>> = {
  upload: {
    about: 'this endpoint, stock @tus/server with @tus/s3-store, and the floor, on one S3 service',
    load: async () => (await import('./upload.js')).uploadBench,
  },
  thumbnails: {
    about: 'the whole worker, sharp alone, and two decodes with its defaults, on 12-megapixel JPEGs',
    load: async () => (await import('./thumbnails.js')).thumbnailsBench,
  },
  dedupe: {
    about: 'near duplicates: found in a library of a million, and told from different photos (--photos DIR)',
    load: async () => (await import('./dedupe/dedupe.js')).dedupeBench,
  },
  sync: {
    about:
      'a handset on a long link beside Uppy’s defaults and one upload after another; as root, for network namespaces',
    load: async () => (await import('./sync.js')).syncBench,
  },
}

const usage = `npm run bench -- NAME [--quick] [--json]

${Object.entries(benches)
  .map(([name, { about }]) => `  ${name.padEnd(12)}${about}`)
  .join('\n')}

  --quick        few and short rounds, to see that it works
  --photos DIR   your photos instead of drawn ones, for benches that look at some
  --json         the results as one line of JSON, the last on stdout; the table is then on stderr
`

/** One that takes longer hangs: the longest takes 20 minutes where nothing else runs. */
const deadlineMs = 30 * 60_000

const status = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

interface Request {
  name: string
  load: () => Promise<Bench>
  quick: boolean
  json: boolean
  photos: string | undefined
}

async function main(args: readonly string[]): Promise<number> {
  const request = readArguments(args)
  if (request === 'help') {
    process.stdout.write(usage)
    return status.ok
  }
  if (typeof request === 'string') {
    process.stderr.write(`bench: ${request}\n`)
    return status.usage
  }
  const { name, load, quick, json, photos } = request
  const signal = AbortSignal.timeout(deadlineMs)
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const date = new Date()
  try {
    const outcome = await (await load()).run({ quick, photos, say, signal })
    const report = { bench: name, date, machine: describeMachine(), quick, outcome }
    const file = await writeReport(report)
    ;(json ? process.stderr : process.stdout).write(`\n${toText(report)}`)
    say(`\nwritten to ${file}`)
    if (json) process.stdout.write(`${toJson(report)}\n`)
    return status.ok
  } catch (error) {
    if (!isAppError(error) && !signal.aborted) throw error
    process.stderr.write(
      `bench: ${isAppError(error) ? error.message : `${name} did not end within ${deadlineMs / 60_000} minutes`}\n`,
    )
    return status.failed
  }
}

/** What to run, or one sentence that says what to write instead. */
function readArguments(args: readonly string[]): Request | 'help' | string {
  try {
    const options = {
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      photos: { type: 'string' },
    } as const
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options })
    const { quick = false, json = false, help = false, photos } = values
    const [name, ...more] = positionals
    const names = Object.keys(benches).join(', ')
    if (help) return 'help'
    if (name === undefined) return `say which bench to run: ${names}`
    const bench = Object.hasOwn(benches, name) ? benches[name] : undefined
    if (!bench) return `there is no bench ‘${name}’; there are: ${names}`
    if (more.length > 0) return `one bench at a time: leave out ${more.map(word => `‘${word}’`).join(', ')}`
    return { name, load: bench.load, quick, json, photos }
  } catch (error) {
    return `${(error as Error).message.split('. ', 1)[0]}; npm run bench -- --help tells what there is`
  }
}

// The AWS SDK says in every process that it will want a newer Node one day; it is told to keep that to itself.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
// Ends what was started, too: that hangs on this process's exit, and a signal's own way to end it skips that.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(status.interrupted))
process.exitCode = await main(process.argv.slice(2))
