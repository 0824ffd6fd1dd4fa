/** Paths below which the address is the raw handlers' to judge, and every answer has their headers, also one of the server itself. Pure. */

/** By their prefixes, without a slash at the end: what is added to problems answered below them. */
export type RawPrefixes = Readonly<Record<string, Readonly<Record<string, string>>>>

export function headersBelow(prefixes: RawPrefixes, url: string): Readonly<Record<string, string>> {
  const prefix = prefixOf(prefixes, url)
  return prefix === undefined ? {} : (prefixes[prefix] ?? {})
}

/** The router refuses a path that can't be decoded before anybody is asked. Below such a prefix its percent signs are no more than that. */
export function routable(prefixes: RawPrefixes, url: string): string {
  if (!url.includes('%') || prefixOf(prefixes, url) === undefined) return url
  const [path = '', ...query] = url.split('?')
  try {
    decodeURIComponent(path)
    return url
  } catch {
    return [path.replaceAll('%', '%25'), ...query].join('?')
  }
}

const prefixOf = (prefixes: RawPrefixes, url: string): string | undefined =>
  Object.keys(prefixes).find(
    prefix => url.startsWith(prefix) && (url.length === prefix.length || '/?'.includes(url[prefix.length] ?? '')),
  )
