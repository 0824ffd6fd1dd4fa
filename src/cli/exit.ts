/** How a command ends: its exit status, and one sentence on stderr when it failed. Touches only the streams it is given. */
import { AppError } from '../core/errors.js'
import { printable } from './printable.js'

export interface CommandIo {
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
  /** Aborts on Ctrl-C and on SIGTERM. */
  signal: AbortSignal
  env: Readonly<Record<string, string | undefined>>
}

export const exitStatus = {
  ok: 0,
  failed: 1,
  /** The command was called wrongly; nothing was done. */
  usage: 2,
  /** Ended by Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const

/** The command was called wrongly. The message is one sentence that says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command's own status, or the one of the error that it threw, after saying it. A programmer's error is thrown on. */
export async function runCommand(command: () => Promise<number>, { stderr, signal }: CommandIo): Promise<number> {
  try {
    return await command()
  } catch (error) {
    const interrupted = signal.aborted
    const known = interrupted || error instanceof UsageError || error instanceof AppError
    if (!known) throw error
    stderr.write(`photosync: ${printable(reasonOf(error, { signal }))}\n`)
    if (interrupted) return exitStatus.interrupted
    return error instanceof UsageError ? exitStatus.usage : exitStatus.failed
  }
}

/** Why a command ended before it was done, in a sentence; what a server or a file's name brought into it is in it as it came. */
export function reasonOf(error: unknown, { signal }: Pick<CommandIo, 'signal'>): string {
  if (signal.aborted) return 'stopped before it was done; run it again to go on'
  if (!(error instanceof Error)) return String(error)
  const advice = error instanceof AppError && error.facts.consent === 'sync'
  return `${error.message}${advice ? ': photosync consent --help tells how to agree' : ''}`
}
