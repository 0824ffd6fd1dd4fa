/**
 * `photosync free-up-space`: removes local pictures that the server has for certain. What goes and what stays is said before
 * anything happens, and the owner is asked. stdout gets what is said, or with --json one line for machines and the rest goes
 * to stderr. Names are relative to the folder.
 */
import { type FreeUpPlan, type FreeUpResult, freeUpSpace, type StayingFile, stayReasons } from '../client/index.js'
import { parseArguments } from './arguments.js'
import { askOwner, type Terminal } from './ask-owner.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { printable } from './printable.js'
import { count, megabytes } from './progress.js'
import { readServerAndToken, serverAndToken } from './server-and-token.js'

export const freeUpSpaceUsage = `photosync free-up-space DIR --older-than 30d --server URL [--token TOKEN] [--yes] [--dry-run] [--json]

Removes pictures and videos from the folder, and their sidecars, when the server has every byte of them: it is asked for the
very content that is on the disk now, and a file may go only after a worker has read the stored original again and found it
whole, with every part of its photo. Files that belong together go together or stay together.

  --older-than T    only files last changed (by the file's own time of modification) before that long: 12h, 30d, 2w
  --server URL      the address of your region, e.g. https://us-west-2.photos.example
  --token TOKEN     the token of this device; better in the environment variable PHOTOSYNC_TOKEN
  --yes             don't ask
  --dry-run         only say what would go, by name
  --json            end with one line of JSON on stdout
`

/**
 * Its exit status: 0 done, or nothing to do, or the owner said no; 1 something that should go could not be removed, or the
 * server cannot be used; 2 called wrongly; 130 ended by Ctrl-C.
 */
export function freeUpSpaceCommand(
  args: readonly string[],
  io: CommandIo,
  terminal: Terminal = process.stdin,
): Promise<number> {
  return runCommand(async () => {
    const asked = readArguments(args, io.env, terminal)
    if (asked === 'help') {
      io.stdout.write(freeUpSpaceUsage)
      return exitStatus.ok
    }
    const { json, dryRun, yes, ...wish } = asked
    const say = (line: string) => void (json ? io.stderr : io.stdout).write(`${line}\n`)
    let removed = 0
    try {
      const result = await freeUpSpace({
        ...wish,
        signal: io.signal,
        confirm: async plan => {
          sayPlan(plan, dryRun, say)
          if (dryRun) return false
          const { files, size } = amount(plan.goes.length, plan.bytes)
          return yes || askOwner(`Remove ${files} (${size}) from this disk?`, terminal, io.stderr, io.signal)
        },
        onEvent: event => {
          if (event.kind === 'removed') removed++
          if (event.kind === 'clocks') say(clocksApart(event.aheadMs))
          if (event.kind === 'moved')
            say(printable(`These photos live in ${event.region ?? 'another region'}: asking ${event.server}`))
        },
      })
      if (result.plan.goes.length === 0) sayPlan(result.plan, dryRun, say)
      sayResult(result, dryRun, say)
      for (const { file, reason } of result.failed)
        io.stderr.write(`not removed: ${printable(file)}: ${printable(reason)}\n`)
      if (json) io.stdout.write(jsonLine(result))
      return result.failed.length > 0 ? exitStatus.failed : exitStatus.ok
    } catch (error) {
      // However it ends, what is gone is told.
      if (removed > 0) say(`${count(removed)} files were removed before it ended`)
      throw error
    }
  }, io)
}

const options = {
  ...serverAndToken,
  'older-than': { type: 'string' },
  yes: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

function readArguments(args: readonly string[], env: CommandIo['env'], terminal: Terminal) {
  const hint = 'photosync free-up-space --help tells what there is'
  const { values, positionals } = parseArguments(args, options, hint)
  if (values.help) return 'help'
  const [dir, ...rest] = positionals
  if (!dir || rest.length > 0) {
    throw new UsageError('name one folder: photosync free-up-space DIR --older-than 30d --server URL')
  }
  const age = values['older-than']
  if (age === undefined) throw new UsageError('say how old a file must be to go: --older-than 30d')
  const olderThanMs = parseDuration(age)
  if (olderThanMs === undefined) throw new UsageError(`--older-than must be such as 12h, 30d or 2w, not ‘${age}’`)
  const { yes, json, 'dry-run': dryRun } = values
  const { server, token } = readServerAndToken(values, env)
  if (!yes && !dryRun && terminal.isTTY !== true) {
    throw new UsageError(
      'there is no terminal to ask on: say --yes to remove without being asked, or --dry-run to see what would go',
    )
  }
  return { dirs: [dir], olderThanMs, server, token, yes, dryRun, json }
}

const hourMs = 3600_000
const unitsMs: Readonly<Record<string, number>> = { h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs }

/** `12h`, `30d`, `2w` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? []
  const unitMs = unitsMs[unit]
  return number === undefined || unitMs === undefined ? undefined : Number(number) * unitMs
}

function clocksApart(aheadMs: number): string {
  const days = count(Math.round(Math.abs(aheadMs) / (24 * hourMs)))
  const by = `${days} ${days === '1' ? 'day' : 'days'} ${aheadMs > 0 ? 'ahead of' : 'behind'}`
  return `The clock of this machine is ${by} the server's: how old files are is told by the earlier one. Set the clock.`
}

/** Names of one reason that are listed; --json has all of them. */
const namesMax = 20

function sayPlan({ goes, bytes, stays }: FreeUpPlan, dryRun: boolean, say: (line: string) => void): void {
  const { files, size } = amount(goes.length, bytes)
  if (dryRun) for (const { file } of goes) say(`would go: ${printable(file)}`)
  say(goes.length === 0 ? 'Nothing can go.' : `${files} (${size}) can go: the server has verified every byte of them.`)
  sayStaying(stays, say)
}

function sayResult(
  { confirmed, removed, bytes, plan, stays }: FreeUpResult,
  dryRun: boolean,
  say: (line: string) => void,
) {
  if (!confirmed) {
    if (plan.goes.length > 0) say(dryRun ? 'Nothing was removed: this was a dry run.' : 'Nothing was removed.')
    return
  }
  const { files, size } = amount(removed, bytes)
  sayStaying(stays.slice(plan.stays.length), say)
  say(`${files} (${size}) removed.`)
}

function sayStaying(stays: readonly StayingFile[], say: (line: string) => void): void {
  for (const [reason, words] of Object.entries(stayReasons)) {
    const files = stays.filter(staying => staying.reason === reason)
    // Of those there are many, and it is as asked.
    if (reason === 'newer' && files.length > 0) say(`${count(files.length)} newer files stay`)
    else
      for (const { file, detail } of files.slice(0, namesMax))
        say(`stays: ${printable(file)}: ${printable(detail ?? words)}`)
    const more = reason === 'newer' ? 0 : files.length - namesMax
    if (more > 0) say(`stay: ${count(more)} more of which each ${words}`)
  }
}

const amount = (files: number, bytes: number) => ({
  files: files === 1 ? '1 file' : `${count(files)} files`,
  size: `${megabytes(bytes)} MB`,
})

/** One line; what it holds is part of the command's interface. */
function jsonLine({ plan, removed, bytes, stays, failed }: FreeUpResult): string {
  const canGo = { files: plan.goes.length, bytes: plan.bytes }
  const named = stays.map(({ file, reason, detail }) => ({ file, reason: detail ?? stayReasons[reason] }))
  return `${JSON.stringify({ canGo, removed, bytes, stays: named, failed })}\n`
}
