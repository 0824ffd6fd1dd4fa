import type { EventEmitter } from 'node:events'

/** The end of a socket, a stream or a request, however it comes: Node's `once` would reject where it comes with a reset. */
export const closeOf = (emitter: EventEmitter): Promise<void> =>
  new Promise(resolve => emitter.once('close', () => resolve()))
