/** The log: pino, JSON lines, ids only. Nothing a person typed, no header, no file name, no token reaches it. */
import { type Logger, pino } from 'pino'

export type Log = Logger

export function openLog({ name, level }: { name: string; level: string }): Log {
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: pino.stdSerializers.errWithCause },
    },
    pino.destination({ dest: 2, sync: false }),
  )
}
