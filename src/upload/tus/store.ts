/**
 * Our DataStore for tus-node-server: uploads as the engine knows them, over the Bucket contract. The server asks it which
 * extensions there are and how long uploads live; the handlers in handlers.ts use it for everything else.
 *
 * The DataStore interface names an upload by its id alone, so whose request it is travels beside it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Readable } from 'node:stream'
import { DataStore, Upload as TusUpload } from '@tus/utils'
import type { Caller } from '../../accounts/caller.js'
import { limits } from '../../core/limits.js'
import type { Body, Creation, Engine } from '../engine.js'
import { parseMetadata } from '../protocol.js'
import type { Upload } from '../upload.js'

export class UploadStore extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'termination', 'expiration']
  readonly #engine: Engine
  readonly #callers = new AsyncLocalStorage<Caller>()

  constructor(engine: Engine) {
    super()
    this.#engine = engine
  }

  /** Everything that `work` asks of this store is asked by `caller`. */
  as<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    return this.#callers.run(caller, work)
  }

  #caller(): Caller {
    const caller = this.#callers.getStore()
    if (!caller) throw new Error('the upload store was asked by nobody')
    return caller
  }

  begin(creation: Creation, body?: Body): Promise<Upload> {
    return this.#engine.create(this.#caller(), creation, body)
  }

  append(id: string, offset: number, body: Body): Promise<Upload> {
    return this.#engine.append(this.#caller(), id, offset, body)
  }

  find(id: string): Promise<Upload> {
    return this.#engine.find(this.#caller(), id)
  }

  override remove(id: string): Promise<void> {
    return this.#engine.terminate(this.#caller(), id)
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    return (await this.append(id, offset, { stream })).offsetBytes
  }

  override async getUpload(id: string): Promise<TusUpload> {
    const { offsetBytes, sizeBytes, metadata } = await this.find(id)
    return new TusUpload({
      id,
      offset: offsetBytes,
      size: sizeBytes,
      metadata: Object.fromEntries(parseMetadata(metadata)),
    })
  }

  override getExpiration(): number {
    return limits.uploadLifetimeMs
  }
}
