/**
 * The Content-Disposition of a download (RFC 6266): the name in ASCII for old readers, and in full as RFC 8187 encodes it (the
 * successor of RFC 5987). Pure.
 */

/** `attachment; filename="Ete.jpg"; filename*=UTF-8''%C3%89t%C3%A9.jpg` for `Été.jpg`. */
export function attachment(fileName: string): string {
  const name = fileName.replace(/\p{Surrogate}/gu, '\ufffd')
  const plain = name
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    // Quotes and backslashes would need escapes that browsers read differently; a percent sign some would decode.
    .replace(/[^\x20-\x7e]|["\\%]/gu, '_')
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeExtended(name)}`
}

/** RFC 8187 §3.2.1: all but attr-char is percent-encoded. encodeURIComponent leaves four characters too many. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
