/** `photosync device`: the tokens of a person's handsets. Runs where the region's database can be reached. */
import type { Accounts } from '../accounts/accounts.js'
import { AppError } from '../core/errors.js'
import { parseArguments } from './arguments.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { withAccounts } from './with-accounts.js'

const usage = `photosync device add EMAIL NAME     makes a token for a handset and prints it; it is shown this once. Records that its owner
                                    agrees to its sending photos, unless they said no; with --ask-owner that is left to them
photosync device list EMAIL         the person's handsets: id, name, since when, and whether revoked
photosync device revoke EMAIL ID    from then on that handset's token is refused

The environment says where the region's database is: PHOTOSYNC_REGION, PHOTOSYNC_REGIONS, DATABASE_URL, DIRECTORY_DATABASE_URL.
`

const options = { 'ask-owner': { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } as const

type Verb = (
  accounts: Accounts,
  person: string,
  argument: string | undefined,
  options: { agree: boolean },
) => Promise<string>

const verbs: Readonly<Record<string, { argument?: string; run: Verb }>> = {
  add: {
    argument: 'NAME',
    run: async (accounts, person, name = '', { agree }) =>
      `${(await accounts.addDevice(person, name, { agree })).token}\n`,
  },
  list: {
    run: async (accounts, person) =>
      (await accounts.listDevices(person))
        .map(({ id, name, createdAt, revokedAt }) =>
          [id, name, createdAt.toISOString(), revokedAt ? `revoked ${revokedAt.toISOString()}` : 'in use'].join('\t'),
        )
        .map(line => `${line}\n`)
        .join(''),
  },
  revoke: {
    argument: 'ID',
    run: async (accounts, person, id = '') => {
      await accounts.revokeDevice(person, id)
      return 'revoked\n'
    },
  },
}

export function deviceCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const { values, positionals } = parseArguments(args, options, 'photosync device --help tells what there is')
    if (values.help) {
      io.stdout.write(usage)
      return exitStatus.ok
    }
    const [word = '', email, argument, ...rest] = positionals
    const verb = Object.hasOwn(verbs, word) ? verbs[word] : undefined
    if (!verb || !email || (argument === undefined) !== (verb.argument === undefined) || rest.length > 0) {
      throw new UsageError('write: photosync device add EMAIL NAME, list EMAIL, or revoke EMAIL ID')
    }
    await withAccounts(io.env, async accounts => {
      const person = await accounts.findPerson(email)
      if (!person) throw new AppError('not_found', `nobody has an account with ${email} in ${accounts.region.id}`)
      io.stdout.write(await verb.run(accounts, person.id, argument, { agree: !values['ask-owner'] }))
    })
    return exitStatus.ok
  }, io)
}
