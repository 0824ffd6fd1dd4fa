/**
 * The XML of an XMP packet as a tree of elements: as much of XML as XMP may use (Part 1 §7), which is no document types and so
 * no entities of one's own: nothing can grow. Reads forward only, each character a fixed number of times, and ends at the first
 * thing that isn't XML, at a depth or at a number of elements that no packet has. Pure; never throws.
 */

export interface Element {
  /** With the prefix that XMP's specifications use for its namespace, whatever the file calls it: 'dc:description'. */
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: Element[]
  /** Its own text, without that of its children. */
  text: string
}

export const xmlLimits = {
  /** Elements and attributes; edited pictures' histories have some thousands. */
  tokens: 20_000,
  /** A structure in a list in a structure has about a dozen. */
  depth: 32,
} as const

/** Of what is read here; those of other namespaces keep the prefix that they have. */
const prefixes: Readonly<Record<string, string>> = {
  'http://www.w3.org/1999/02/22-rdf-syntax-ns#': 'rdf',
  'http://purl.org/dc/elements/1.1/': 'dc',
  'http://ns.adobe.com/xap/1.0/': 'xmp',
  'http://ns.adobe.com/tiff/1.0/': 'tiff',
  'http://ns.adobe.com/exif/1.0/': 'exif',
  'http://ns.adobe.com/exif/1.0/aux/': 'aux',
  'http://cipa.jp/exif/1.0/': 'exifEX',
  'http://ns.adobe.com/photoshop/1.0/': 'photoshop',
  'http://ns.google.com/photos/1.0/camera/': 'GCamera',
  'http://ns.google.com/photos/1.0/container/': 'Container',
  'http://ns.google.com/photos/1.0/container/item/': 'Item',
}

interface Open {
  element: Element
  /** As written, for the closing tag. */
  tag: string
  scope: Scope
}

/** The prefixes that an element declares; those around it hold too. */
interface Scope {
  names: ReadonlyMap<string, string>
  outer: Scope | undefined
}

export interface Tree {
  readonly root: Element
  /** Elements and attributes that were read, never more than the limit. */
  readonly tokens: number
}

/** The root has no name; what was read until the XML broke is there. */
export function readXml(xml: string): Tree {
  const root: Element = { name: '', attributes: new Map(), children: [], text: '' }
  const open: Open[] = [{ element: root, tag: '', scope: { names: new Map([['xml', 'xml']]), outer: undefined } }]
  let tokens = 0
  let at = 0
  for (;;) {
    const inside = open[open.length - 1] as Open
    const next = xml.indexOf('<', at)
    if (next < 0) break
    // Only text in an innermost element is anyone's; between elements it is the file's layout.
    if (inside.element.children.length === 0) inside.element.text += decodeEntities(xml.slice(at, next))
    if (xml.startsWith('<?', next)) at = after(xml, '?>', next)
    else if (xml.startsWith('<!--', next)) at = after(xml, '-->', next + 4)
    else if (xml.startsWith('<![CDATA[', next)) {
      at = after(xml, ']]>', next + 9)
      if (at > 0) inside.element.text += xml.slice(next + 9, at - 3)
    } else if (xml.startsWith('</', next)) {
      at = after(xml, '>', next)
      if (at < 0 || open.length === 1 || xml.slice(next + 2, at - 1).trim() !== inside.tag) break
      open.pop()
    } else {
      const tag = readTag(xml, next + 1, xmlLimits.tokens - tokens)
      if (!tag || open.length > xmlLimits.depth) break
      tokens += 1 + tag.attributes.length
      at = tag.end
      const scope = scopeOf(tag.attributes, inside.scope)
      const named = tag.attributes.filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
      const element: Element = {
        name: resolve(tag.name, scope),
        attributes: new Map(named.map(([name, value]) => [resolve(name, scope), value])),
        children: [],
        text: '',
      }
      inside.element.children.push(element)
      if (!tag.isClosed) open.push({ element, tag: tag.name, scope })
    }
    if (at < 0 || tokens >= xmlLimits.tokens) break
  }
  return { root, tokens }
}

/** The place behind the next `mark`, or −1. */
function after(xml: string, mark: string, from: number): number {
  const at = xml.indexOf(mark, from)
  return at < 0 ? -1 : at + mark.length
}

interface Tag {
  name: string
  attributes: [name: string, value: string][]
  isClosed: boolean
  end: number
}

/** From behind the '<'. Undefined when it isn't a tag, among them document types: they begin with '!'. */
function readTag(xml: string, start: number, tokensLeft: number): Tag | undefined {
  let at = nameEnd(xml, start)
  if (at === start) return undefined
  const tag: Tag = { name: xml.slice(start, at), attributes: [], isClosed: false, end: 0 }
  while (tag.attributes.length < tokensLeft) {
    at = spaceEnd(xml, at)
    if (xml[at] === '>') return { ...tag, end: at + 1 }
    if (xml[at] === '/') return xml[at + 1] === '>' ? { ...tag, isClosed: true, end: at + 2 } : undefined
    const end = nameEnd(xml, at)
    const equals = spaceEnd(xml, end)
    const quoteAt = spaceEnd(xml, equals + 1)
    const quote = xml[quoteAt]
    if (end === at || xml[equals] !== '=' || (quote !== '"' && quote !== "'")) return undefined
    const close = xml.indexOf(quote, quoteAt + 1)
    if (close < 0) return undefined
    tag.attributes.push([xml.slice(at, end), decodeEntities(xml.slice(quoteAt + 1, close))])
    at = close + 1
  }
  return undefined
}

function nameEnd(xml: string, start: number): number {
  let at = start
  while (at < xml.length && !' \t\r\n=/><"\'!?&'.includes(xml[at] as string)) at++
  return at
}

function spaceEnd(xml: string, start: number): number {
  let at = start
  while (at < xml.length && ' \t\r\n'.includes(xml[at] as string)) at++
  return at
}

function scopeOf(attributes: readonly [string, string][], outer: Scope): Scope {
  const declared = attributes.filter(([name]) => name.startsWith('xmlns:'))
  if (declared.length === 0) return outer
  const known = declared.map(([name, uri]): [string, string] => {
    const prefix = name.slice('xmlns:'.length)
    return [prefix, Object.hasOwn(prefixes, uri) ? (prefixes[uri] as string) : prefix]
  })
  return { names: new Map(known), outer }
}

/** A prefix that nobody declared is taken for what it says: some cameras forget to. */
function resolve(name: string, scope: Scope): string {
  const colon = name.indexOf(':')
  if (colon < 0) return name
  const prefix = name.slice(0, colon)
  for (let around: Scope | undefined = scope; around; around = around.outer) {
    const known = around.names.get(prefix)
    if (known !== undefined) return known + name.slice(colon)
  }
  return name
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** The five entities that XML has of itself, and characters by number; any other stays as it is written. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (whole, decimal, hex, name) => {
    if (name) return named[name as string] as string
    const code = decimal ? Number(decimal) : Number.parseInt(hex as string, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
