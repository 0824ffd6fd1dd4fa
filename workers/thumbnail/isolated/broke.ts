/** Decoding broke: the process that did it crashed, hung or grew too large. It may have been bad luck, so it counts as one attempt. */
export class Broke extends Error {
  override readonly name = 'Broke'
  /** One plain sentence for the photo's owner, without a full stop. */
  readonly reason: string

  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options)
    this.reason = reason
  }
}
