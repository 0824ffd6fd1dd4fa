/**
 * `photosync push`: sends folders of photos to a server. Shows progress on stderr; stdout gets the summary, or with --json
 * one line for machines. Names in both are relative to the pushed folder.
 */
import { type PushEvent, type PushResult, push } from '../client/index.js'
import { parseArguments } from './arguments.js'
import { type CommandIo, exitStatus, reasonOf, runCommand, UsageError } from './exit.js'
import { printable } from './printable.js'
import { megabytes, type Progress, showNothing, showProgress } from './progress.js'
import { didSomething, jsonLine, notStored, summary } from './push-report.js'
import { readServerAndToken, serverAndToken } from './server-and-token.js'
import { stateFolder } from './state-folder.js'

export const pushUsage = `photosync push DIR... --server URL [--token TOKEN] [--watch | --dry-run] [--restore] [--json]

Sends every picture and video in the folders that the server does not have yet, each with its moving half, its edits and its
XMP sidecar. Run it again to go on after a break: what is there is not sent, and unchanged files are not even read. Nothing of
them is sent unless you agreed to it: photosync consent tells, and takes it back.

  --server URL      the address of your region, e.g. https://us-west-2.photos.example
  --token TOKEN     the token of this device; better in the environment variable PHOTOSYNC_TOKEN
  --watch           go on with what comes into the folders, until Ctrl-C
  --dry-run         only ask: say by name what would be sent, and send nothing
  --restore         also send what you deleted; without it, what you deleted stays deleted
  --concurrency N   uploads at a time at most, 1 to 64; as many as bring throughput without it
  --json            end with one line of JSON on stdout, however it ends
  --quiet           no progress

What it remembers from one run to the next is in XDG_STATE_HOME/photosync, or ~/.local/state/photosync.
`

/**
 * Its exit status: 0 done; 1 something that was to be stored was not, or the server cannot be used; 2 called wrongly; 130 ended
 * by Ctrl-C before it was done. Ctrl-C is how a watch ends: then it is 0 or 1. What its owner deleted, and what a gallery's
 * folders hold besides pictures and videos, is no failure. However it ends, each file that was found and not stored is told.
 */
export function pushCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const asked = readArguments(args, io.env)
    if (asked === 'help') {
      io.stdout.write(pushUsage)
      return exitStatus.ok
    }
    const { json, quiet, watch, ...wish } = asked
    const { dryRun } = wish
    const progress = quiet ? showNothing(io.stderr) : showProgress(io.stderr)
    const names = json ? io.stderr : io.stdout
    const stateDir = stateFolder(io.env)
    const tell = (result: PushResult, ended?: string) => {
      progress.stop()
      for (const line of notStored(result)) io.stderr.write(line)
      if (json) io.stdout.write(jsonLine(result, dryRun, ended))
      else if (!quiet && (ended === undefined || didSomething(result))) io.stdout.write(summary(result, dryRun))
    }
    const { failures } = await push({
      ...wish,
      ...(watch && { watch: {} }),
      ...(stateDir !== undefined && { stateDir }),
      signal: io.signal,
      onProgress(event) {
        if (event.kind === 'end') tell(event.result, event.error === undefined ? undefined : reasonOf(event.error, io))
        else show(event, progress, names)
      },
    })
    return failures === 0 ? exitStatus.ok : exitStatus.failed
  }, io)
}

type Shown = Exclude<PushEvent, { kind: 'end' }>

function show(event: Shown, progress: Progress, names: NodeJS.WritableStream): void {
  if (event.kind === 'notice') progress.say(printable(event.text))
  else if (event.kind === 'moved') {
    const { region = 'another region', server } = event
    progress.say(printable(`These photos live in ${region}: going on with ${server}`))
  } else {
    if (event.kind === 'file' && event.file.outcome === 'missing') {
      const { file, sizeBytes } = event.file
      progress.aside(names, `would be sent: ${printable(file)} (${megabytes(sizeBytes)} MB)`)
    }
    progress.update(event.totals)
  }
}

const options = {
  ...serverAndToken,
  json: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  restore: { type: 'boolean', default: false },
  concurrency: { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface Asked {
  dirs: string[]
  server: string
  token: string
  concurrency?: number
  restore: boolean
  dryRun: boolean
  watch: boolean
  json: boolean
  quiet: boolean
}

function readArguments(args: readonly string[], env: CommandIo['env']): Asked | 'help' {
  const { values, positionals } = parseArguments(args, options, 'photosync push --help tells what there is')
  if (values.help) return 'help'
  if (positionals.length === 0) throw new UsageError('name the folders to push: photosync push DIR... --server URL')
  const { concurrency, json, quiet, watch, restore, 'dry-run': dryRun } = values
  const whom = readServerAndToken(values, env)
  if (watch && dryRun) throw new UsageError('--watch and --dry-run do not go together')
  if (concurrency !== undefined && (!/^[1-9]\d?$/.test(concurrency) || Number(concurrency) > 64)) {
    throw new UsageError(`--concurrency must be a whole number from 1 to 64, not ‘${concurrency}’`)
  }
  return {
    ...{ dirs: positionals, ...whom, restore, dryRun, watch, json, quiet },
    ...(concurrency !== undefined && { concurrency: Number(concurrency) }),
  }
}
