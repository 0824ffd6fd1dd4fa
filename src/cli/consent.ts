/**
 * `photosync consent`: what the owner of a handset agreed to, and their yes or no to sending photos. Sends the token and the
 * answer, nothing of the machine or of a gallery. The server keeps each answer with its time and the version of its words.
 */
import { type Consents, makeApi, makeHome, syncWords } from '../client/index.js'
import { parseArguments } from './arguments.js'
import { askOwner, type Terminal } from './ask-owner.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { printable } from './printable.js'
import { readServerAndToken, serverAndToken } from './server-and-token.js'

export const consentUsage = `photosync consent --server URL [--token TOKEN]            what you agreed to, and when
photosync consent give --server URL [--token TOKEN]       shows the words, asks, and records your yes; --yes does not ask
photosync consent withdraw --server URL [--token TOKEN]   records your no: handsets send nothing from then on

What is stored stays until you delete it. The words: ${syncWords}
`

const options = {
  ...serverAndToken,
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Its exit status: 0 done, or the owner said no when asked; 1 the server cannot be used; 2 called wrongly; 130 Ctrl-C. */
export function consentCommand(
  args: readonly string[],
  io: CommandIo,
  terminal: Terminal = process.stdin,
): Promise<number> {
  return runCommand(async () => {
    const { values, positionals } = parseArguments(args, options, 'photosync consent --help tells what there is')
    if (values.help) {
      io.stdout.write(consentUsage)
      return exitStatus.ok
    }
    const [verb = 'show', ...rest] = positionals
    if (!['show', 'give', 'withdraw'].includes(verb) || rest.length > 0) {
      throw new UsageError('write: photosync consent, photosync consent give, or photosync consent withdraw')
    }
    const { server, token } = readServerAndToken(values, io.env)
    if (verb === 'give' && !values.yes) {
      if (terminal.isTTY !== true) throw new UsageError('there is no terminal to ask on: say --yes to agree')
      io.stderr.write(`${syncWords}\n`)
      if (!(await askOwner('Do you agree?', terminal, io.stderr, io.signal))) {
        io.stdout.write('Nothing was recorded.\n')
        return exitStatus.ok
      }
    }
    const home = makeHome(server, named =>
      io.stderr.write(`Your photos live elsewhere: going on with ${printable(named)}\n`),
    )
    const consents = await home.at(at => {
      const api = makeApi({ server: at, token, signal: io.signal })
      return verb === 'show' ? api.consents() : api.agreeToSync(verb === 'give')
    })
    io.stdout.write(inWords(consents))
    return exitStatus.ok
  }, io)
}

function inWords({ sync, places }: Consents): string {
  const line = (what: string, { granted, version, at }: Consents['sync']) =>
    `${what}: ${granted ? 'yes' : 'no'}${at === undefined ? ', never answered' : `, answered ${printable(at)}, version ${version} of the words`}\n`
  return line('sending photos', sync) + line('keeping the places where they were taken', places)
}
