/** What `npm run demo` can be told. */
import { parseArguments } from '../arguments.js'
import { UsageError } from '../exit.js'

export const demoUsage = `photosync demo [--photos DIR] [--data DIR] [--port N] [--once] [--json]

Runs the whole service on this machine: two regions, each with its database, bucket, API and worker; two handsets push a
sample gallery; the gallery is at the address it prints. Ctrl-C ends it.

  --photos DIR   push this folder instead of the sample gallery
  --data DIR     keep everything there, and go on from it the next time; without it all is removed at the end
  --port N       the first region's port; the second has the next one
  --once         stop when the work is done
  --json         one line of JSON on stdout when the work is done
`

export interface DemoOptions {
  photos: string | undefined
  data: string | undefined
  port: number | undefined
  once: boolean
  json: boolean
}

const options = {
  photos: { type: 'string' },
  data: { type: 'string' },
  port: { type: 'string' },
  once: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values, positionals } = parseArguments(args, options, 'npm run demo -- --help tells what there is')
  if (values.help) return 'help'
  if (positionals.length > 0)
    throw new UsageError(`the demo takes no ‘${positionals[0]}’; to push a folder write --photos DIR`)
  const { photos, data, once, json, port } = values
  if (photos === '' || data === '') throw new UsageError('--photos and --data name a folder')
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_534)) {
    throw new UsageError(`--port must be a number from 1 to 65534, not ‘${port}’`)
  }
  return { photos, data, once, json, port: port === undefined ? undefined : Number(port) }
}
