/** How the tests run: real services started once (support/global-setup.ts), two files at a time, each in its own process. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// The AWS SDK says in every process that it will want a newer Node one day; it is told to keep that to itself.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './test/support/summary-reporter.ts'],
  },
})
