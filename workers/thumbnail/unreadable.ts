/** The verdict on a file that will never become a picture here: trying again changes nothing. Its original is kept. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
  /** One plain sentence for the photo's owner, without a full stop. */
  readonly reason: string

  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options)
    this.reason = reason
  }
}
