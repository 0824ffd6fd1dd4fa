#!/usr/bin/env -S node --max-semi-space-size=2 --no-incremental-marking
/** The `photosync` command. Each of its words is a file beside this one. */
import { environmentOf } from '../config.js'
import { type CommandIo, exitStatus } from './exit.js'

const usage = `photosync: a photo sync service

  photosync demo                                   the whole service on this machine, with a sample gallery
  photosync push DIR... --server URL --token T     send folders of photos
  photosync free-up-space DIR --older-than 30d     remove local pictures that the server has verified
  photosync consent                                what you agreed to; consent give, consent withdraw
  photosync account add EMAIL --region R           a new person, whose photos live in region R
  photosync device add EMAIL NAME                  a token for a handset of theirs; device list, device revoke
  photosync api                                    one API process, from the environment
  photosync worker                                 one worker process, from the environment

Each says more with --help.
`

type Command = (args: readonly string[], io: CommandIo) => Promise<number>

/** Loaded when it is called for: a push need not wait for what the servers are made of. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./demo/demo.js')).demoCommand,
  push: async () => (await import('./push.js')).pushCommand,
  'free-up-space': async () => (await import('./free-up-space.js')).freeUpSpaceCommand,
  consent: async () => (await import('./consent.js')).consentCommand,
  account: async () => (await import('./account.js')).accountCommand,
  device: async () => (await import('./device.js')).deviceCommand,
  api: async () => (await import('./servers.js')).apiCommand,
  worker: async () => (await import('./servers.js')).workerCommand,
}
/** They handle signals in their own way. */
const servers: readonly string[] = ['api', 'worker']

const stop = new AbortController()

async function main(): Promise<number> {
  const [name = '--help', ...args] = process.argv.slice(2)
  const { stdout, stderr } = process
  if (name === '--help' || name === '-h' || name === 'help') {
    stdout.write(usage)
    return exitStatus.ok
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!load) {
    stderr.write(`photosync: there is no command ‘${name}’; photosync --help tells what there is\n`)
    return exitStatus.usage
  }
  if (!servers.includes(name)) {
    // More than one may come: npm passes on what the terminal has sent us already.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => stop.abort(new Error('stopped')))
    }
  }
  const command = await load()
  return command(args, { stdout, stderr, env: environmentOf(), signal: stop.signal })
}

// Whoever read our output has gone: the command ends as if it were told to, and leaves nothing behind.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort(new Error('nobody reads')))

process.exitCode = await main()
