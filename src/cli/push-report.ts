/** What a push says at its end: a line for machines, a summary for people, and each file that was not stored with its reason. Pure. */
import type { PushResult } from '../client/index.js'
import { printable } from './printable.js'
import { count, duration, megabytes } from './progress.js'

/**
 * One line; what it holds is part of the command's interface. Of a dry run also what it would send; of a push that ended before it
 * was done also why, as `ended`.
 */
export function jsonLine(result: PushResult, dryRun: boolean, ended?: string): string {
  const { stored, duplicates, alreadyThere, deleted, missing, missingBytes, bytesSent, requests, seconds } = result
  const failed = result.failed.map(({ file, reason }) => ({ file, reason }))
  const facts = { stored, duplicates, alreadyThere, deleted, failed, bytesSent, requests, seconds }
  const more = { ...(dryRun && { missing, missingBytes }), ...(ended !== undefined && { ended }) }
  return `${JSON.stringify({ ...facts, ...more })}\n`
}

/** Or at least came to know of some file what becomes of it. */
export function didSomething({ stored, duplicates, alreadyThere, deleted, missing, failures }: PushResult): boolean {
  return stored + duplicates + alreadyThere + deleted + missing + failures > 0
}

export function* notStored({ failed, failures }: PushResult): Generator<string> {
  for (const { file, reason } of failed) yield `not stored: ${printable(file)}: ${printable(reason)}\n`
  const more = failures - failed.length
  if (more > 0) yield `not stored: ${count(more)} more, for reasons like these\n`
}

export function summary(result: PushResult, dryRun: boolean): string {
  const { stored, duplicates, alreadyThere, restored, deleted, missing, missingBytes, failures, skipped } = result
  const parts = [
    dryRun ? `${count(missing)} would be sent (${megabytes(missingBytes)} MB)` : `${count(stored)} stored`,
    `${count(duplicates)} copies of others`,
    `${count(alreadyThere)} ${dryRun ? 'are' : 'were'} there already`,
    ...(restored > 0 ? [`${count(restored)} taken out of the trash`] : []),
    ...(deleted > 0
      ? [`${count(deleted)} left out because you deleted them or their photo (--restore sends them)`]
      : []),
    ...(failures > 0 ? [`${count(failures)} not stored`] : []),
    ...(skipped > 0 ? [`${count(skipped)} skipped (${reasons(result)})`] : []),
  ]
  const { bytesSent, seconds } = result
  const rate = seconds > 0 ? (bytesSent / 1e6 / seconds).toFixed(1) : '0'
  const sent = dryRun ? 'nothing was sent' : `${megabytes(bytesSent)} MB sent in ${duration(seconds)} (${rate} MB/s)`
  return `${parts.join(', ')}; ${sent}\n`
}

function reasons({ skippedBecause }: PushResult): string {
  const all = Object.entries(skippedBecause)
  const [only] = all
  if (all.length === 1 && only) return only[0]
  return all.map(([reason, files]) => `${count(files)} ${reason}`).join(', ')
}
