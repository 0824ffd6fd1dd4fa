/** `photosync device add`: a token for a handset. Runs where the region's database can be reached. */
import { AppError } from '../core/errors.js'
import { parseArguments } from './arguments.js'
import { type CommandIo, exitStatus, runCommand, UsageError } from './exit.js'
import { withAccounts } from './with-accounts.js'

const usage = `photosync device add EMAIL NAME

Makes a token for a handset of this person and prints it. It is shown this once; it can be revoked in the gallery.
The environment says where the region's database is: PHOTOSYNC_REGION, PHOTOSYNC_REGIONS, DATABASE_URL, DIRECTORY_DATABASE_URL.
`

const options = { help: { type: 'boolean', short: 'h' } } as const

export function deviceCommand(args: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(async () => {
    const { values, positionals } = parseArguments(args, options, 'photosync device --help tells what there is')
    if (values.help) {
      io.stdout.write(usage)
      return exitStatus.ok
    }
    const [verb, email, name, ...rest] = positionals
    if (verb !== 'add' || !email || !name || rest.length > 0)
      throw new UsageError('write: photosync device add EMAIL NAME')
    await withAccounts(io.env, async accounts => {
      const person = await accounts.findPerson(email)
      if (!person) throw new AppError('not_found', `nobody has an account with ${email} in ${accounts.region.id}`)
      const { token } = await accounts.addDevice(person.id, name)
      io.stdout.write(`${token}\n`)
    })
    return exitStatus.ok
  }, io)
}
