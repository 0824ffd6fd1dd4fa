/**
 * Every kind of job: its name, what it carries, and its id. This is where API and workers meet. To add one: add it here and
 * a handler in workers/app.ts.
 *
 * A job carries ids only, since whoever runs the queue's store can read it. Handlers are idempotent: a job may run twice,
 * late, or at the same time as itself. The id keeps one thing from being queued twice while it waits; once the job has
 * ended, the same id may be queued again.
 */
import { z } from 'zod'
import { isId } from '../core/ids.js'

const id = z.string().refine(isId, { error: 'must be an id' })

export const jobSchemas = {
  /** Reads a new original: verifies it, makes its renditions, reads its facts. */
  thumbnail: z.object({ photo: id }),
  /** The same for an original so large that no photo should wait behind it. Asked for as `thumbnail`; the relay knows sizes. */
  large: z.object({ photo: id }),
  /** Looks for a person's photos that are new among all of theirs: which are the same picture, which of one moment. */
  dedupe: z.object({ person: id }),
  /** Removes what an upload left in the bucket that no photo needs. */
  reap: z.object({ upload: id }),
  /** Removes what the bucket holds of a photo that was deleted for good. */
  purge: z.object({ photo: id }),
} as const

export type JobName = keyof typeof jobSchemas
export type JobData<Name extends JobName> = z.infer<(typeof jobSchemas)[Name]>
export type Job = { [Name in JobName]: { name: Name; data: JobData<Name> } }[JobName]

export const jobNames = Object.keys(jobSchemas) as JobName[]

/** The job, with nothing in it but what its kind carries. Throws a TypeError for a kind that isn't known and for other data. */
export function parseJob({ name, data }: { name: string; data: unknown }): Job {
  if (!isJobName(name)) throw new TypeError(`There is no job ${name}; there are ${jobNames.join(', ')}`)
  const parsed = jobSchemas[name].safeParse(data)
  if (parsed.success) return { name, data: parsed.data } as Job
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'its data'}: ${message}`)
  throw new TypeError(`A job ${name} cannot be made of this (${faults.join('; ')})`)
}

function isJobName(name: string): name is JobName {
  return Object.hasOwn(jobSchemas, name)
}

/** BullMQ wants ids without ':' that aren't all digits. */
export function jobId(job: Job): string {
  return `${job.name}-${Object.values(job.data).join('-')}`
}
