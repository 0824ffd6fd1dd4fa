/** All rows of the table as tests of one service. Each begins with uploads of its own, so they can run against one that is in use. */
import { describe, test } from 'vitest'
import { checksum } from './checksum.js'
import { openTus, type Target } from './client.js'
import { concatenation } from './concatenation.js'
import { coreHeaders } from './core-headers.js'
import { coreRequests } from './core-requests.js'
import { creation } from './creation.js'
import { creationWithUpload } from './creation-with-upload.js'
import { expiration } from './expiration.js'
import type { Checked, Row } from './rows.js'
import { termination } from './termination.js'

export const rows: readonly Row[] = [
  ...coreHeaders,
  ...coreRequests,
  ...creation,
  ...creationWithUpload,
  ...expiration,
  ...checksum,
  ...termination,
  ...concatenation,
]

const reasons = {
  expireAll: 'the time of this service cannot be moved',
  stalling: 'this service waits too long for a stalled request to wait for that here',
}

/** `target` is asked for once the tests run. Call it at the top of a test file, or in a describe. */
export function tusConformance(title: string, target: () => Target): void {
  describe(`${title}: tus 1.0.0`, () => {
    for (const section of new Set(rows.map(row => row.section))) {
      describe(section, () => {
        for (const row of rows) if (row.section === section && 'check' in row) check(row, target)
      })
    }
  })
}

function check({ level, rule, needs, otherwise, check }: Checked, target: () => Target): void {
  test(`${level}${otherwise === undefined ? '' : ' (otherwise)'}: ${rule}`, async context => {
    const service = target()
    if (needs !== undefined) context.skip(service[needs] === undefined, reasons[needs])
    await check(openTus(service))
  })
}
