/**
 * Goal: whatever fails between a handset and the bucket, what is called stored is stored, byte for byte and once, no offset that
 * was told goes back, and in the end nothing is left in the bucket that no row knows.
 */
import { test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { runHistories } from './histories.js'

const MiB = 1024 * 1024
const histories = 270

test(`${histories} histories`, { timeout: 600_000 }, () =>
  runHistories(histories, {
    killShare: 0.006,
    lostShare: 0,
    memoryBytes: [limits.heldBytesPerProcess, limits.heldBytesPerProcess, 4 * MiB, MiB],
  }),
)
