/**
 * The file name in a request's Content-Disposition (RFC 6266, with RFC 8187's extended values). Pure. As it was sent: whoever keeps it
 * makes it harmless.
 */
import { isUtf8 } from 'node:buffer'

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const type = new RegExp(`^[ \\t]*${token}[ \\t]*`)
const parameter = new RegExp(`;[ \\t]*(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))[ \\t]*`, 'y')
const extended = /^(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:%[0-9a-f]{2}|[a-z0-9!#$&+.^_`|~-])+)$/i

/** `filename*` before `filename` (RFC 6266 §4.3). undefined when there is none, or what there is breaks the grammar. */
export function dispositionName(field: string): string | undefined {
  const values = new Map<string, string>()
  for (let at = type.exec(field)?.[0].length ?? 0; ; ) {
    parameter.lastIndex = at
    const [matched, name = '', quoted, plain = ''] = parameter.exec(field) ?? []
    if (matched === undefined) break
    // The first of several counts, as for browsers.
    const known = values.has(name.toLowerCase())
    if (!known) values.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain)
    at += matched.length
  }
  const full = values.get('filename*')
  return (full === undefined ? undefined : decodeExtended(full)) ?? decodePlain(values.get('filename'))
}

function decodeExtended(value: string): string | undefined {
  const [matched, charset = '', encoded = ''] = extended.exec(value) ?? []
  if (matched === undefined) return undefined
  const bytes = Buffer.from(
    encoded.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  if (charset.toLowerCase() === 'iso-8859-1') return bytes.toString('latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** Header bytes come as one character each. By the book they are Latin-1, but most clients mean UTF-8. */
function decodePlain(value: string | undefined): string | undefined {
  if (value === undefined || /[^\0-\xff]/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : value
}
