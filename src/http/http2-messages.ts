/**
 * HTTP/2 requests and responses that keep what handlers rely on over HTTP/1.1. Node's own differ where it hurts: a body that
 * broke off looks as if it had ended, `destroy` of a request leaves its stream open, responses don't say that they are gone, and a
 * client that is answered early may go on sending.
 */
import { constants, Http2ServerRequest, Http2ServerResponse } from 'node:http2'

type Parts = ConstructorParameters<typeof Http2ServerRequest>

export class Http2Request extends Http2ServerRequest {
  constructor(...parts: Parts) {
    super(...parts)
    // Comes before Node would end the body.
    this.once('aborted', () => this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })))
  }

  /** Ends the stream, as it ends the connection over HTTP/1.1. As there, only those who listen are told why. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.readableEnded) this.stream.close(constants.NGHTTP2_CANCEL)
    process.nextTick(() => done(this.listenerCount('error') > 0 ? error : null))
  }
}

export class Http2Response extends Http2ServerResponse {
  /**
   * Also ends a body that is still coming: "send no more" (RFC 9113 §8.1), once the answer is out. Nobody would read it. Not before:
   * Node would lose the answer then, and of one whose last part is just on its way even its own state.
   */
  override end(...parts: unknown[]): this {
    const { stream, req } = this
    const isHeadOnly =
      bodyless.has(this.statusCode) || req.method === 'HEAD' || (!stream.headersSent && !hasContent(parts[0]))
    const stop = () =>
      setImmediate(() => {
        if (req.readableEnded || stream.destroyed) return
        stream.close(constants.NGHTTP2_NO_ERROR)
        // Else a body that was paused half-way keeps the stream open.
        req.resume()
      })
    if (!req.readableEnded && !stream.endAfterHeaders && !this.finished) {
      stream.once(isHeadOnly ? 'finish' : 'wantTrailers', stop)
    }
    Reflect.apply(super.end, this, parts)
    return this
  }

  /** Of an answer that isn't whole: the client is told that it broke off. Node would tell it that all is well. */
  override destroy(error?: Error): this {
    if (!this.stream.writableFinished) this.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    else super.destroy(error)
    return this
  }
}

const bodyless = new Set([204, 205, 304])

const hasContent = (part: unknown): boolean => typeof part === 'string' || ArrayBuffer.isView(part)

// Node's types have them as plain properties, which accessors in a class may not stand for.
Object.defineProperty(Http2Request.prototype, 'complete', {
  get(this: Http2Request) {
    return this.readableEnded
  },
})
Object.defineProperties(Http2Response.prototype, {
  destroyed: {
    get(this: Http2Response) {
      return this.stream.destroyed
    },
  },
  /** After "close", when Node has taken the socket away. */
  closed: {
    get(this: Http2Response) {
      return this.socket === undefined
    },
  },
})
