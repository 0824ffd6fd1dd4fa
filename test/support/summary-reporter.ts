/**
 * Ends a run's output with what was skipped, each with its reason, the files that failed (`failed: FILE`), and one last
 * line for machines: `N passed, N failed, N skipped`.
 */
import type { Reporter, TestCase, TestModule, TestRunEndReason, TestSuite } from 'vitest/node'

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: TestRunEndReason): void {
    const tests = modules.flatMap(module => [...module.children.allTests()])
    const count = (state: string) => tests.filter(test => test.result().state === state).length
    // A file that can't be loaded or a hook that throws fails no test of its own, and must not go uncounted.
    const broken = modules.flatMap(module => [module, ...module.children.allSuites()]).filter(isBroken).length
    const skipped = tests.filter(test => test.result().state === 'skipped')
    const lines = [...new Set(skipped.map(describeSkip))].map(line => `skipped: ${line}`)
    for (const module of modules) if (module.state() === 'failed') lines.push(`failed: ${module.relativeModuleId}`)
    // A run whose set-up failed has no tests at all.
    const failed = Math.max(count('failed') + broken + unhandledErrors.length, reason === 'passed' ? 0 : 1)
    lines.push(`${count('passed')} passed, ${failed} failed, ${skipped.length} skipped`)
    process.stdout.write(`${lines.join('\n')}\n`)
  }
}

function isBroken(of: TestModule | TestSuite): boolean {
  return of.errors().length > 0
}

/** A suite skipped as a whole is one line, its title holding the reason; a test alone has its own or a note. */
function describeSkip(test: TestCase): string {
  const file = test.module.relativeModuleId
  const suite = outermostSkipped(test)
  if (suite) return `${file} > ${suite.fullName}`
  const result = test.result()
  const note = result.state === 'skipped' && result.note ? ` (${result.note})` : ''
  return `${file} > ${test.fullName}${note}`
}

function outermostSkipped(test: TestCase): TestSuite | undefined {
  let outermost: TestSuite | undefined
  for (let above = test.parent; above.type === 'suite'; above = above.parent) {
    if (above.options.mode === 'skip') outermost = above
  }
  return outermost
}
