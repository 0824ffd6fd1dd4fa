/** A command's words and options, read as node:util reads them; what it can't read is the user's error, said in one sentence. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './exit.js'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ args: string[]; allowPositionals: true; options: O }>>

/** `hint` says what to do instead, e.g. `photosync push --help tells what there is`. */
export function parseArguments<O extends Options>(args: readonly string[], options: O, hint: string): Parsed<O> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!(error instanceof TypeError) || !code?.startsWith('ERR_PARSE_ARGS')) throw error
    // Its first sentence names the argument; the rest is advice for programmers.
    throw new UsageError(`${error.message.split('. ', 1)[0]}; ${hint}`)
  }
}
