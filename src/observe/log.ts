/** The log: pino, JSON lines on stderr, ids only. Nothing a person typed, no header, no file name, no token reaches it. */
import { type Logger, pino } from 'pino'
import { describeError } from './describe-error.js'

export type Log = Logger

export function openLog({ name, level }: { name: string; level: string }): Log {
  const options = {
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => describeError(error) },
  }
  // Through Node's own stream: pino's ends a process badly, or not at all, when the pipe it writes to has broken.
  return pino(options, process.stderr)
}
