/**
 * The ways in which a file can come, each played as it goes when nothing fails. Whoever fails one somewhere goes on from there as any
 * handset would: it asks where the upload is and sends the rest.
 */
import type { BucketCall } from '../../src/storage/metered-bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import type { Sending, Transfer } from './transfer.js'

const KiB = 1024
const MiB = 1024 * KiB

/** Two processes: a request goes to one of them. */
export type Ends = readonly [Engine, Engine]

export interface Play {
  ends: Ends
  /** The whole file as one upload, or this much of it as a partial one. */
  open(part?: { from: number; to: number }): Transfer
  /** Has the partial uploads put together; resolves with whether they were. */
  join(engine: Engine): Promise<boolean>
}

export interface Scenario {
  sizeBytes: number
  /** Of each process, for bodies; default: plenty. */
  memoryBytes?: number
  /** Of so many calls to the bucket one fails, where many are alike; default: every one. */
  everyNthCall?: number
  /** Calls that don't fail, since they fail alike in another scenario. */
  spared?: readonly BucketCall[]
  /** Of so many steps a process dies at one; default: at every one. Large files take their time. */
  everyNthStep?: number
  /** Other bytes come when it is sent again. */
  changes?: boolean
  play(play: Play): Promise<void>
}

/** The next request, unless what it would bring was told to be there, or there is no upload to bring it to. */
async function send(transfer: Transfer, engine: Engine, sending: Sending): Promise<void> {
  const { id, outcome, toldBytes, content } = transfer
  const { upTo = content.length } = sending
  const isThere = outcome !== undefined || (toldBytes >= upTo && upTo < content.length)
  if (id !== undefined && !isThere) await transfer.append(engine, sending)
}

/** In so many requests of the same size, by turns at one process or the other. */
async function sendChunks(transfer: Transfer, ends: Ends, count: number, also: Sending = {}): Promise<void> {
  const sizeBytes = Math.ceil(transfer.content.length / count)
  for (let index = 1; index <= count; index++) {
    const isEnd = index === count
    const upTo = isEnd ? transfer.content.length : index * sizeBytes
    const { isLast = false, saysLength = false, ...sending } = also
    const end = isEnd ? { isLast, saysLength } : {}
    await send(transfer, ends[index % 2] as Engine, { ...sending, upTo, isAnnounced: true, ...end })
  }
}

/** Late effects of what failed bring other bytes than those that come now. */
async function sendChanged(transfer: Transfer, engine: Engine, sending: Sending): Promise<void> {
  if (await transfer.find(engine)) transfer.change()
  await send(transfer, engine, sending)
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  'a small file at once': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true, { isAnnounced: true })
      if (file.receipt) await file.repeatLast(there)
    },
  },
  'a small file, created and then sent': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true)
      await send(file, there, { isAnnounced: true })
      if (file.receipt) await file.repeatLast(here)
    },
  },
  'a small file in chunks': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here], open }) => {
      const file = open()
      await file.create(here, true)
      await sendChunks(file, [here, here], 4)
    },
  },
  'a small file in chunks over two processes': {
    sizeBytes: 300 * KiB,
    play: async ({ ends, open }) => {
      const file = open()
      await file.create(ends[0], true)
      await sendChunks(file, ends, 4)
    },
  },
  'a small file that breaks off': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true, { kind: 'cut' })
      await file.find(there)
      await send(file, there, {})
    },
  },
  'a small file with checksums, one of them wrong': {
    sizeBytes: 300 * KiB,
    play: async ({ ends, open }) => {
      const file = open()
      await file.create(ends[0], true)
      await send(file, ends[1], { upTo: 200 * KiB, checksum: 'wrong' })
      await sendChunks(file, ends, 3, { checksum: 'right' })
    },
  },
  'a small file that changes before it is sent again': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true)
      await send(file, here, { isAnnounced: true })
      await sendChanged(file, there, {})
    },
  },
  'chunks that change before they are sent again': {
    sizeBytes: 300 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true)
      await send(file, here, { upTo: 100 * KiB })
      await sendChanged(file, there, { upTo: 100 * KiB })
      await send(file, here, {})
    },
  },
  'a large file that changes before it is sent again': {
    sizeBytes: 8 * MiB + 200 * KiB,
    spared: ['head', 'createMultipart', 'completeMultipart'],
    changes: true,
    everyNthStep: 4,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true)
      await send(file, here, {})
      await sendChanged(file, there, {})
    },
  },
  'a small file of unknown length': {
    sizeBytes: 300 * KiB,
    play: async ({ ends, open }) => {
      const file = open()
      await file.create(ends[0], false, { upTo: 100 * KiB })
      await sendChunks(file, ends, 3, { saysLength: true })
    },
  },
  'an empty file of unknown length': {
    sizeBytes: 0,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, false)
      await send(file, there, { isLast: true })
    },
  },
  'a file in crumbs': {
    sizeBytes: 7 * KiB,
    everyNthCall: 35,
    everyNthStep: 35,
    play: async ({ ends, open }) => {
      const file = open()
      await file.create(ends[0], true)
      await sendChunks(file, ends, 70)
    },
  },
  'small parts, put together': {
    sizeBytes: 300 * KiB,
    play: async ({ ends, open, join }) => {
      const parts = [open({ from: 0, to: 200 * KiB }), open({ from: 200 * KiB, to: 300 * KiB })]
      await parts[0]?.create(ends[0], true, { isAnnounced: true })
      await parts[1]?.create(ends[1], true)
      await Promise.all(parts.slice(1).map(part => sendChunks(part, ends, 2)))
      if (await join(ends[0])) await join(ends[1])
    },
  },
  'a large file at once': {
    sizeBytes: 16 * MiB + 100 * KiB,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(there, true)
      await send(file, here, { isAnnounced: true })
      if (file.receipt) await file.repeatLast(there)
    },
  },
  'a large file that breaks off': {
    sizeBytes: 8 * MiB + 200 * KiB,
    everyNthStep: 2,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true, { upTo: 300 * KiB, kind: 'short' })
      await file.find(there)
      await send(file, there, {})
    },
  },
  'a large file of unknown length': {
    sizeBytes: 8 * MiB,
    everyNthStep: 3,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, false)
      await send(file, there, { isLast: true })
    },
  },
  'a large file with a checksum, and little memory': {
    sizeBytes: 10 * MiB,
    memoryBytes: MiB,
    everyNthCall: 7,
    everyNthStep: 9,
    play: async ({ ends: [here, there], open }) => {
      const file = open()
      await file.create(here, true)
      await send(file, here, { checksum: 'wrong' })
      await send(file, there, { checksum: 'right' })
    },
  },
  'large parts, put together': {
    sizeBytes: 9 * MiB,
    everyNthCall: 2,
    everyNthStep: 3,
    play: async ({ ends: [here, there], open, join }) => {
      const parts = [open({ from: 0, to: 4 * MiB }), open({ from: 4 * MiB, to: 9 * MiB })]
      await Promise.all(parts.map(part => part.create(here, true, { isAnnounced: true })))
      await join(there)
    },
  },
}
