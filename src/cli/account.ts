/** `photosync account add`: a new person. Runs where the region's database can be reached. */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { parseArguments } from './arguments.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { signInAddress, withAccounts } from './with-accounts.js'

const usage = `photosync account add EMAIL --region R

Makes an account whose photos live in region R. Asks for the password, or reads it as one line from stdin.
The environment says where the region's database is: PHOTOSYNC_REGION, PHOTOSYNC_REGIONS, DATABASE_URL, DIRECTORY_DATABASE_URL.
`

const options = { region: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const

export function accountCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const { values, positionals } = parseArguments(args, options, 'photosync account --help tells what there is')
    if (values.help) {
      io.stdout.write(usage)
      return exitStatus.ok
    }
    const [verb, email, ...rest] = positionals
    if (verb !== 'add' || !email || rest.length > 0)
      throw new UsageError('write: photosync account add EMAIL --region R')
    if (!values.region) throw new UsageError('say where this person’s photos will live: --region R')
    const region = values.region
    await withAccounts(io.env, async (accounts, config) => {
      if (region !== config.region.id) {
        throw new UsageError(
          `this environment is that of ${config.region.id}: run the command where PHOTOSYNC_REGION is ${region}`,
        )
      }
      const { person } = await accounts.addAccount(email, await askPassword(io))
      const link = await accounts.createSignInLink(person)
      io.stdout.write(
        `${email} has an account in ${region}. To sign in: ${signInAddress(config.region.apiUrl, link)}\n`,
      )
    })
    return exitStatus.ok
  }, io)
}

/** On a terminal it is asked for and not shown; elsewhere it is the first line of stdin. */
async function askPassword({ stderr, signal }: CommandIo): Promise<string> {
  const isTerminal = process.stdin.isTTY === true
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: isTerminal })
  try {
    if (isTerminal) stderr.write('Password: ')
    const ended = once(lines, 'close', { signal }).then(() => {
      throw new UsageError('no password came: type it, or give it as one line on stdin')
    })
    const password = await Promise.race([lines.question('', { signal }), ended])
    if (isTerminal) stderr.write('\n')
    return password
  } finally {
    lines.close()
  }
}
