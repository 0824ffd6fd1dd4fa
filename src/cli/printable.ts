/** Names of files on a terminal: nobody's file name moves the cursor, hides another line or turns the text around. Pure. */

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' }

/** Control characters, line ends and marks of direction are written as escapes; every script's letters stay as they are. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, character => {
    const code = character.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return escapes[character] ?? (code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
  })
}
