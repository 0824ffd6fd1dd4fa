/**
 * The whole contract of a bucket (src/storage/bucket.ts), as one suite that every implementation and every decorator passes. It
 * keeps to keys below a prefix of its own, so the bucket may be shared, and removes them at the end.
 */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { newId } from '../../../src/core/ids.js'
import type { Bucket } from '../../../src/storage/bucket.js'
import { cancelSuite } from './cancel-suite.js'
import { listSuite } from './list-suite.js'
import { multipartSuite } from './multipart-suite.js'
import { objectSuite } from './object-suite.js'
import { type It, keysOf } from './suite-support.js'

export interface BucketSuiteOptions {
  /** Title of a test → why this bucket can't pass it. */
  skips?: Readonly<Record<string, string>>
}

export function bucketSuite(
  name: string,
  makeBucket: () => Bucket | Promise<Bucket>,
  { skips = {} }: BucketSuiteOptions = {},
): void {
  describe(`${name}: the contract of a bucket`, () => {
    const root = `suite-${newId()}/`
    let bucket: Bucket

    beforeAll(async () => {
      bucket = await makeBucket()
    })

    afterAll(async () => {
      for await (const { key, multipart } of bucket.listMultiparts(root)) await bucket.abortMultipart(key, multipart)
      await bucket.delete(await keysOf(bucket, root))
      await bucket.close()
    })

    const it: It = (title, body) => {
      const reason = skips[title]
      if (reason === undefined) test(title, () => body(bucket, `${root}${newId()}/`))
      else test.skip(`${title} (skipped: ${reason})`, () => undefined)
    }

    objectSuite(it)
    listSuite(it)
    multipartSuite(it)
    cancelSuite(it)
  })
}
