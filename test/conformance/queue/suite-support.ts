/** What the suites of the queue's contract share. */
import { newId } from '../../../src/core/ids.js'
import { openLog } from '../../../src/observe/log.js'
import type { Job } from '../../../src/queue/jobs.js'

export const silent = openLog({ name: 'test', level: 'silent' })
export const newJob = (): Job => ({ name: 'thumbnail', data: { photo: newId() } })
export const photoOf = (job: Job): string => Object.values(job.data)[0] ?? ''
