/** A site with its own API, workers, database, queue and bucket: what others need to know of it. */
export interface Region {
  readonly id: string
  /** Where handsets and browsers reach its API. */
  readonly apiUrl: string
}
