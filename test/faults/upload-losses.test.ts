/**
 * Goal: the same where it is worse: processes die often, memory is always short, and the bucket forgets multiparts that were begun.
 * Then an upload may end, and its handset starts again; but what is called stored is stored, and nothing is left behind.
 */
import { test } from 'vitest'
import { runHistories } from './histories.js'

const MiB = 1024 * 1024
const histories = 250

test(`${histories} histories`, { timeout: 600_000 }, () =>
  runHistories(histories, { killShare: 0.03, lostShare: 0.08, memoryBytes: [MiB, MiB / 2, 2 * MiB] }),
)
