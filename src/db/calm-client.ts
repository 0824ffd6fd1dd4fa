/**
 * The Postgres client of every pool here, also of those that a library makes. When a connection breaks between two queries
 * of a transaction, or breaks twice (the server's farewell, then a write that fails), the client says so by an `error` event
 * that pg's pool doesn't hear, and what nobody hears ends the process. Here it is heard and left at that: the query under
 * way, or the next one, rejects, and that rejection is the one with a caller.
 */
import pg from 'pg'

export class CalmClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    this.on('error', () => {})
  }
}
