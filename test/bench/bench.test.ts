/**
 * Goal: the benches run, their results have the names that other programs read, and what they count is what the protocols
 * imply. How fast anything is, is never asserted here: that is for a calm machine.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageFolder } from '../../src/core/package-folder.js'
import { describeWith, spawnNode } from '../support/services.js'

const program = join(packageFolder, 'dist/test/bench/main.js')

async function run(...args: string[]) {
  const bench = await spawnNode(program, { args })
  const status = await bench.exited(200_000)
  return { status, stdout: bench.stdout(), output: bench.output() }
}

describe('the command', () => {
  test.each([
    [['downloads'], 'there is no bench ‘downloads’; there are: upload, thumbnails, dedupe, sync'],
    [[], 'say which bench to run: upload, thumbnails, dedupe, sync'],
    [['upload', 'again'], 'one bench at a time: leave out ‘again’'],
    [['upload', '--fast'], "Unknown option '--fast'; npm run bench -- --help tells what there is"],
  ])('called with %j says in one sentence what to write instead', async (args, sentence) => {
    const { status, stdout, output } = await run(...args)
    expect({ status, stdout, output }).toEqual({ status: 2, stdout: '', output: `bench: ${sentence}\n` })
  })
})

test('without an S3 service on the machine the upload bench says what to install', async () => {
  const bench = await spawnNode(program, { args: ['upload', '--quick'], env: { PATH: '/nowhere' } })
  await bench.endsWith(1, 20_000)
  expect(bench.output()).toMatch(/^bench: This bench needs a real S3 service: .*apt-get install .*$/m)
})

describeWith('s3', 'the upload bench', () => {
  test('ends with one line for machines; S3 calls are counted exactly', async () => {
    const { status, stdout, output } = await run('upload', '--quick', '--json')
    expect(status, output).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    const { bench, date, machine, results } = JSON.parse(lines[0] ?? '')
    expect(bench).toBe('upload')
    expect(new Date(date).toISOString()).toBe(date)
    expect(machine).toEqual({
      cpu: expect.any(String),
      cores: expect.any(Number),
      memoryGb: expect.any(Number),
      node: process.version,
      os: expect.any(String),
    })
    const positive = expect.toSatisfy(value => typeof value === 'number' && value > 0)
    expect(results).toEqual({
      s3CallsCreationWithUpload: 1,
      s3CallsPostPatch: 1,
      s3CallsOver512KiBChunks: expect.any(Number),
      cpuRatioToFloor: positive,
      cpuRatioToStock: positive,
      throughputRatioToStock: positive,
      rssMb500: positive,
      rssMbVideo: expect.any(Number),
      throughputRatioToFloor: positive,
      cpuRatioToFloorPostPatch: positive,
      cpuRatioToStockPostPatch: positive,
      throughputRatioToStockPostPatch: positive,
      cpuRatioToFloor512KiBChunks: positive,
      cpuRatioToStock512KiBChunks: positive,
      throughputRatioToStock512KiBChunks: positive,
      cpuRatioToFloorVideo: positive,
      cpuRatioToStockVideo: positive,
      throughputRatioToStockVideo: positive,
      videoSeconds: positive,
      throughputRatioBesideDribblers: positive,
      p99MsAlone: positive,
      p99MsBesideDribblers: positive,
    })
    // Each chunk is durable by one call. What putting them together costs is bounded by reading each of them once.
    expect(results.s3CallsOver512KiBChunks).toBeGreaterThanOrEqual(0)
    expect(results.s3CallsOver512KiBChunks).toBeLessThanOrEqual(8)
    const file = /^written to (.*\.md)$/m.exec(output)?.[1] ?? ''
    const tables = await readFile(file, 'utf8')
    expect(tables).toMatch(/photosync \| +stock tus \| +floor/)
    expect(output).toContain(tables)
  }, 240_000)
})
