#!/usr/bin/env -S node --max-semi-space-size=2 --no-incremental-marking
/** The `photosync` command. Each of its words is a file beside this one. */
import { environmentOf } from '../config.js'
import { accountCommand } from './account.js'
import { demoCommand } from './demo/demo.js'
import { deviceCommand } from './device.js'
import { type CommandIo, exitStatus } from './exit.js'
import { freeUpSpaceCommand } from './free-up-space.js'
import { pushCommand } from './push.js'
import { apiCommand, workerCommand } from './servers.js'

const usage = `photosync: a photo sync service

  photosync demo                                   the whole service on this machine, with a sample gallery
  photosync push DIR... --server URL --token T     send folders of photos
  photosync free-up-space DIR --older-than 30d     remove local pictures that the server has verified
  photosync account add EMAIL --region R           a new person, whose photos live in region R
  photosync device add EMAIL NAME                  a token for a handset of theirs; device list, device revoke
  photosync api                                    one API process, from the environment
  photosync worker                                 one worker process, from the environment

Each says more with --help.
`

type Command = (args: readonly string[], io: CommandIo) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  demo: demoCommand,
  push: pushCommand,
  'free-up-space': freeUpSpaceCommand,
  account: accountCommand,
  device: deviceCommand,
  api: apiCommand,
  worker: workerCommand,
}

const stop = new AbortController()

async function main(): Promise<number> {
  const [name = '--help', ...args] = process.argv.slice(2)
  const { stdout, stderr } = process
  if (name === '--help' || name === '-h' || name === 'help') {
    stdout.write(usage)
    return exitStatus.ok
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    stderr.write(`photosync: there is no command ‘${name}’; photosync --help tells what there is\n`)
    return exitStatus.usage
  }
  // The servers handle signals in their own way.
  if (command !== apiCommand && command !== workerCommand) {
    // More than one may come: npm passes on what the terminal has sent us already.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => stop.abort(new Error('stopped')))
    }
  }
  return command(args, { stdout, stderr, env: environmentOf(), signal: stop.signal })
}

// Whoever read our output has gone: the command ends as if it were told to, and leaves nothing behind.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort(new Error('nobody reads')))

process.exitCode = await main()
