/** Entity tags (RFC 9110 §8.8.3) of what never changes. Pure. */

export function quoteEtag(text: string): string {
  return `"${text}"`
}

/** Whether an If-None-Match names that tag, by the weak comparison that §13.1.2 asks for. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
}
