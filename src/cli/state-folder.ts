/** Where a handset keeps what it remembers between two runs, as the XDG base directory specification has it. Pure. */
import { isAbsolute, join } from 'node:path'

/** Undefined where nobody said where: then nothing is remembered. */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_STATE_HOME: state, HOME: home } = env
  // Relative ones are to be ignored.
  if (state && isAbsolute(state)) return join(state, 'photosync')
  return home && isAbsolute(home) ? join(home, '.local', 'state', 'photosync') : undefined
}
