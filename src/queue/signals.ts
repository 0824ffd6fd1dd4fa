/**
 * Signals between processes of one region: Redis pub/sub, or LISTEN/NOTIFY. Lossy by contract: a signal says "look now",
 * never what is true, so whoever waits for one also looks from time to time.
 */
export interface Signals {
  /** Resolves when handed over or about to be; nobody may be listening. Never rejects: errors go to the handler given at opening. */
  publish(channel: SignalChannel, payload: string): Promise<void>
  /**
   * Calls `listener` for each signal until the returned function is called. Resolves once listening. After the connection
   * broke and is back it is called once with an empty payload: "look, something may have passed".
   */
  subscribe(channel: SignalChannel, listener: (payload: string) => void): Promise<() => void>
  close(): Promise<void>
}

/** `upload`: a newer request took that upload over ("<upload> <holder>"). `outbox`: rows were added. `feed`: a person's feed moved on. */
export type SignalChannel = 'upload' | 'outbox' | 'feed'
