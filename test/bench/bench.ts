/** What every bench is: something to run, with results for machines and tables for people. */
export interface Bench {
  /** Rejects with an AppError that says what to do when this machine lacks what the bench needs. */
  run(options: BenchOptions): Promise<BenchOutcome>
}

export interface BenchOptions {
  /** Few and short rounds: shows that the bench works, not how fast anything is. */
  quick: boolean
  /** A folder of photos to use instead of drawn ones, for benches that look at some. */
  photos?: string | undefined
  /** Progress for people. */
  say: (line: string) => void
  signal: AbortSignal
}

export interface BenchOutcome {
  results: Readonly<Record<string, number>>
  /** For people, in Markdown, without the title. */
  tables: string
}
