/** How a command ends: its exit status, and one sentence on stderr when it failed. Touches only the streams it is given. */
import { AppError } from '../core/errors.js'

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
    if (signal.aborted) {
      stderr.write('photosync: stopped before it was done; run it again to go on\n')
      return exitStatus.interrupted
    }
    if (error instanceof UsageError) {
      stderr.write(`photosync: ${error.message}\n`)
      return exitStatus.usage
    }
    if (error instanceof AppError) {
      const advice = error.facts.consent === 'sync' ? ': photosync consent --help tells how to agree' : ''
      stderr.write(`photosync: ${error.message}${advice}\n`)
      return exitStatus.failed
    }
    throw error
  }
}
