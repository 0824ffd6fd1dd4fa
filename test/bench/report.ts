/** What a bench leaves behind: tables for people, a line for machines, and both as files in `.artifacts/bench/`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageFolder } from '../../src/core/package-folder.js'
import type { BenchOutcome } from './bench.js'
import type { Machine } from './machine.js'

export interface Report {
  bench: string
  date: Date
  machine: Machine
  quick: boolean
  outcome: BenchOutcome
}

export function toText({ bench, date, machine, quick, outcome }: Report): string {
  const { cpu, cores, memoryGb, node, os } = machine
  const title = `${bench}, ${date.toISOString().slice(0, 10)}${quick ? ', a quick run: its times mean little' : ''}`
  return `${title}\n${cpu}, ${cores} cores, ${memoryGb} GB; Node ${node}; ${os}\n\n${outcome.tables}\n`
}

/** One line, without its end. */
export function toJson({ bench, date, machine, outcome }: Report): string {
  return JSON.stringify({ bench, date: date.toISOString(), machine, results: outcome.results })
}

/** Replaces what the last such run wrote; a quick one never touches a full one's. Returns the file with the tables. */
export async function writeReport(report: Report): Promise<string> {
  const folder = join(packageFolder, '.artifacts/bench')
  await mkdir(folder, { recursive: true })
  const name = report.quick ? `${report.bench}-quick` : report.bench
  const tables = join(folder, `${name}.md`)
  await writeFile(tables, toText(report))
  await writeFile(join(folder, `${name}.json`), `${toJson(report)}\n`)
  return tables
}
