/**
 * The region's Postgres: queries, transactions, and the errors that callers decide on. SQL itself stands in the `*-sql.ts`
 * file of the module that owns the table.
 *
 * bigint comes as number (every one here is below 2^53: sizes, sequences), `timestamp` as its ISO text (wall clocks have no
 * zone to convert), `timestamptz` as Date, jsonb as its value.
 */
import { createHash } from 'node:crypto'
import pg from 'pg'
import { AppError } from '../core/errors.js'
import { retry } from '../core/retry.js'
import { CalmClient } from './calm-client.js'

/** Something that answers queries: the database itself or an open transaction. */
export interface Queryable {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

export interface Database extends Queryable {
  /**
   * Runs `fn` in one transaction (READ COMMITTED) and commits; any rejection rolls back. Runs `fn` again, a few times, when
   * Postgres asks for it (serialization failure, deadlock), so `fn` must have no effects outside the transaction; what fails so
   * each time is `unavailable`.
   * When the connection breaks during COMMIT the outcome is unknown and the error is `unavailable`: callers look again.
   */
  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  connectionsMax?: number
  /** Called for errors on idle connections, which have no caller. */
  onIdleError: (error: unknown) => void
}

export function openDatabase({ url, connectionsMax = 10, onIdleError }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    // For a server that has vanished, which no longer keeps its own time.
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    types: { getTypeParser: parserFor },
    Client: CalmClient,
  })
  pool.on('error', onIdleError)

  const queryOn =
    (client: pg.Pool | pg.PoolClient): Queryable['query'] =>
    async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      try {
        // With a name it is parsed and planned once per connection. Texts are constants, so there are few of them.
        const query =
          values.length === 0 ? { text: sql } : { name: nameOf(sql), text: sql, values: values as unknown[] }
        const result = await client.query<Row>(query)
        return result.rows
      } catch (error) {
        throw asAppError(error)
      }
    }

  const queryOnce = queryOn(pool)
  const retrying = { attemptsMax: 5, firstDelayMs: 20, retryable: wantsAnotherTry }
  const tryAgain = <T>(work: () => Promise<T>): Promise<T> => retry(work, retrying).catch(giveUp)

  const transactOnce = async <T>(fn: (tx: Queryable) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch(error => Promise.reject(asAppError(error)))
    const tx: Queryable = { query: queryOn(client) }
    let broken: Error | undefined
    try {
      await tx.query('begin')
      const value = await fn(tx)
      await tx.query('commit')
      return value
    } catch (error) {
      // A connection that can't even roll back is thrown away, which rolls back on the server.
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError
      })
      throw error
    } finally {
      client.release(broken)
    }
  }

  return {
    query: async (sql, values) => {
      try {
        return await queryOnce(sql, values)
      } catch (error) {
        // A statement alone is a transaction as well.
        if (!wantsAnotherTry(error)) throw error
        return tryAgain(() => queryOnce(sql, values))
      }
    },
    transaction: fn => tryAgain(() => transactOnce(fn)),
    close: () => pool.end(),
  }
}

const names = new Map<string, string>()

/** Postgres tells statements apart by 63 characters at most. */
function nameOf(sql: string): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  const name = createHash('sha256').update(sql).digest('hex').slice(0, 32)
  names.set(sql, name)
  return name
}

/** Postgres error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const serializationFailure = '40001'
const deadlockDetected = '40P01'
const uniqueViolation = '23505'

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = (error as Error & { code?: unknown }).code
  return typeof code === 'string' ? code : undefined
}

function wantsAnotherTry(error: unknown): boolean {
  const code = codeOf(error)
  return code === serializationFailure || code === deadlockDetected
}

/** What was still in somebody's way after all tries is a matter of time, and no fault of the program. */
function giveUp(error: unknown): never {
  if (!wantsAnotherTry(error)) throw error
  const sentence = 'Too much is changed at once just now. Try again'
  throw new AppError('unavailable', sentence, { cause: error, retryAfterSeconds: 1 })
}

/** The code of an error that one of our own functions in the database raised (`PS…`); undefined for any other. */
export function raisedCode(error: unknown): string | undefined {
  const code = codeOf(error)
  return code?.startsWith('PS') ? code : undefined
}

/** Whether an insert or update met a row that the named unique constraint forbids. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return codeOf(error) === uniqueViolation && (error as Error & { constraint?: string }).constraint === constraint
}

/** An error the server sent says its class by code; any other that a query rejects with is a connection that broke or never was. */
function asAppError(error: unknown): unknown {
  // 08: connection, 53: out of resources, 55P03: a lock not had in time, 57: shut down, killed, or out of time.
  const lost =
    error instanceof pg.DatabaseError ? /^(08|53|55P03|57)/.test(error.code ?? '') : !(error instanceof TypeError)
  if (!lost) return error
  return new AppError('unavailable', 'The database does not answer', { cause: error, retryAfterSeconds: 2 })
}

const { builtins } = pg.types
function parserFor(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === builtins.INT8) return Number
  if (oid === builtins.TIMESTAMP) return text => text.replace(' ', 'T')
  return pg.types.getTypeParser(oid, format as 'text')
}
