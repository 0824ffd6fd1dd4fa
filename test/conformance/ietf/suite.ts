/** All rows of the table as tests of one service, for each version. Each begins with uploads of its own, so they can run against one that is in use. */
import { describe, test } from 'vitest'
import { append } from './append.js'
import { openIetf, type Target, type Version, versions } from './client.js'
import { creation } from './creation.js'
import { retrieval } from './retrieval.js'
import type { Row } from './rows.js'

export const rows: readonly Row[] = [...creation, ...retrieval, ...append]

/** `target` is asked for once the tests run. Call it at the top of a test file, or in a describe. */
export function ietfConformance(title: string, target: () => Target): void {
  for (const version of versions) {
    describe(`${title}: interop version ${version}`, () => {
      for (const row of rows) if (row.of?.(version) ?? true) check(row, version, target)
    })
  }
}

function check({ section, level, rule, needs, otherwise, check }: Row, version: Version, target: () => Target): void {
  test(`${section}: ${level}${otherwise === undefined ? '' : ' (otherwise)'}: ${rule}`, async context => {
    const service = target()
    if (needs !== undefined) context.skip(service[needs] === undefined, 'the time of this service cannot be moved')
    await check(openIetf(service, version))
  })
}
