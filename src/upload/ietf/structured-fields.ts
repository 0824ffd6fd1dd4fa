/**
 * Structured Field Values for HTTP (RFC 9651, which holds RFC 8941), as far as the draft's fields need them: an Item that is an Integer
 * or a Boolean, and a Dictionary of Byte Sequences. Pure. Whatever doesn't parse as a whole is undefined: §4.2 wants such a field
 * ignored, and its reader knows whether the request can be answered without it.
 */

const key = '[a-z*][a-z0-9_.*-]*'
const bareItem = [
  '-?[0-9]{1,12}\\.[0-9]{1,3}', // Decimal
  '-?[0-9]{1,15}', // Integer
  '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"', // String
  "[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*", // Token
  ':[A-Za-z0-9+/=]*:', // Byte Sequence
  '\\?[01]', // Boolean
  '@-?[0-9]{1,15}', // Date
  '%"(?:[ !#$&-~]|%[0-9a-f]{2})*"', // Display String
].join('|')
const parameters = `(?:; *${key}(?:=(?:${bareItem}))?)*`
const item = `(?:${bareItem})${parameters}`
const innerList = `\\( *(?:${item}(?: +${item})* *)?\\)`

const wholeItem = new RegExp(`^ *(${bareItem})${parameters} *$`)
const member = new RegExp(`(${key})(?:=(?:(${bareItem})|${innerList}))?${parameters}`, 'y')
const separator = /[ \t]*,[ \t]*/y

/** An Item that is an Integer. Of at most 15 digits, so a double holds it exactly. */
export function parseInteger(field: string): number | undefined {
  const text = wholeItem.exec(field)?.[1]
  // `+ 0` makes 0 of -0.
  return text !== undefined && /^-?[0-9]+$/.test(text) ? Number(text) + 0 : undefined
}

/** An Item that is a Boolean. */
export function parseBoolean(field: string): boolean | undefined {
  const text = wholeItem.exec(field)?.[1]
  if (text === '?1') return true
  return text === '?0' ? false : undefined
}

/** A Dictionary's members that are Byte Sequences, by their keys; those that are something else are null. The last of several counts. */
export function parseByteSequences(field: string): Map<string, Buffer | null> | undefined {
  const text = withoutBlanks(field)
  const members = new Map<string, Buffer | null>()
  if (text === '') return members
  for (let at = 0; ; ) {
    member.lastIndex = at
    const [matched, name = '', value] = member.exec(text) ?? []
    if (matched === undefined) return undefined
    members.set(name, value?.startsWith(':') ? decodeBase64(value.slice(1, -1)) : null)
    at += matched.length
    if (at === text.length) return members
    separator.lastIndex = at
    const comma = separator.exec(text)
    if (!comma) return undefined
    at += comma[0].length
  }
}

/** Null for what no encoder makes. Padding may be missing (§4.2.7). */
function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  const encoded = bytes.toString('base64')
  return text === encoded || text === encoded.replace(/=+$/, '') ? bytes : null
}

/** In steps, not by a pattern: that would look at every run of blanks again from each of its bytes. */
function withoutBlanks(field: string): string {
  let begin = 0
  let end = field.length
  while (field[begin] === ' ') begin++
  while (end > begin && field[end - 1] === ' ') end--
  return field.slice(begin, end)
}
