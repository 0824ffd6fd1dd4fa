/**
 * `photosync push`: sends folders of photos to a server. Shows progress on stderr; stdout gets the summary, or with --json
 * one line for machines. Names in both are relative to the pushed folder.
 */
import { type PushResult, push } from '../client/index.js'
import { parseArguments } from './arguments.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { count, duration, megabytes, showNothing, showProgress } from './progress.js'

export const pushUsage = `photosync push DIR... --server URL [--token TOKEN] [--json] [--concurrency N] [--quiet]

Sends every picture and video in the folders that the server does not have yet. Run it again to go on after a break.

  --server URL      the address of your region, e.g. https://us-west-2.photos.example
  --token TOKEN     the token of this device; better in the environment variable PHOTOSYNC_TOKEN
  --concurrency N   uploads at a time, 1 to 64; 4 without it
  --json            end with one line of JSON on stdout
  --quiet           no progress
`

/**
 * Its exit status: 0 done; 1 something that could have been stored was not, or the server cannot be used; 2 called wrongly;
 * 130 ended by Ctrl-C. Files that the server does not keep (their kind, their size) are listed and no failure.
 */
export function pushCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const asked = readArguments(args, io.env)
    if (asked === 'help') {
      io.stdout.write(pushUsage)
      return exitStatus.ok
    }
    const { json, quiet, ...wish } = asked
    const progress = quiet ? showNothing(io.stderr) : showProgress(io.stderr)
    let result: PushResult
    try {
      result = await push({
        ...wish,
        signal: io.signal,
        onProgress: event => {
          if (event.kind !== 'moved') progress.update(event.totals)
          else progress.say(`These photos live in ${event.region ?? 'another region'}: going on with ${event.server}`)
        },
      })
    } finally {
      progress.stop()
    }
    for (const { file, reason } of result.failed) io.stderr.write(`not stored: ${file}: ${reason}\n`)
    io.stdout.write(json ? jsonLine(result) : quiet ? '' : summary(result))
    return result.failed.every(({ refused }) => refused) ? exitStatus.ok : exitStatus.failed
  }, io)
}

const options = {
  server: { type: 'string' },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
  concurrency: { type: 'string', default: '4' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface Asked {
  dirs: string[]
  server: string
  token: string
  concurrency: number
  json: boolean
  quiet: boolean
}

function readArguments(args: readonly string[], env: CommandIo['env']): Asked | 'help' {
  const { values, positionals } = parseArguments(args, options, 'photosync push --help tells what there is')
  if (values.help) return 'help'
  if (positionals.length === 0) throw new UsageError('name the folders to push: photosync push DIR... --server URL')
  const { server, token = env.PHOTOSYNC_TOKEN, json, quiet } = values
  if (!server) throw new UsageError('say where to push to: --server URL')
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new UsageError(`--server must be a URL such as https://us-west-2.photos.example, not ‘${server}’`)
  }
  if (!token) throw new UsageError('say who you are: --token TOKEN, or the environment variable PHOTOSYNC_TOKEN')
  // What cannot stand in a header would end as a fault of the network.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError('the token holds characters that no token has: copy it again')
  if (!/^[1-9]\d?$/.test(values.concurrency) || Number(values.concurrency) > 64) {
    throw new UsageError(`--concurrency must be a whole number from 1 to 64, not ‘${values.concurrency}’`)
  }
  return { dirs: positionals, server, token, concurrency: Number(values.concurrency), json, quiet }
}

/** One line; what it holds is part of the command's interface. */
function jsonLine({ stored, duplicates, alreadyThere, failed, bytesSent, requests, seconds }: PushResult): string {
  const named = failed.map(({ file, reason }) => ({ file, reason }))
  return `${JSON.stringify({ stored, duplicates, alreadyThere, failed: named, bytesSent, requests, seconds })}\n`
}

function summary(result: PushResult): string {
  const { stored, duplicates, alreadyThere, failed, skipped, bytesSent, seconds } = result
  const parts = [
    `${count(stored)} stored`,
    `${count(duplicates)} copies of others`,
    `${count(alreadyThere)} were there already`,
    ...(failed.length > 0 ? [`${count(failed.length)} not stored`] : []),
    ...(skipped > 0 ? [`${count(skipped)} skipped (not a picture or video)`] : []),
  ]
  const rate = seconds > 0 ? (bytesSent / 1e6 / seconds).toFixed(1) : '0'
  return `${parts.join(', ')}; ${megabytes(bytesSent)} MB sent in ${duration(seconds)} (${rate} MB/s)\n`
}
