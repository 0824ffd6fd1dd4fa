/** The properties of an XMP packet, whether written as attributes or as elements (XMP Part 1 §7). Pure; never throws. */
import { xmpBytesMax } from './blocks.js'
import { type Element, readXml } from './xmp-xml.js'

export interface Xmp {
  /** Whether it is XMP at all: RDF, however little of it. */
  readonly isRdf: boolean
  /** A property's text; of a list the first, of alternatives that for everyone. */
  text(name: string): string | undefined
  /** The structures of a list, each as field → text. */
  structures(name: string): ReadonlyMap<string, string>[]
}

/** A list of things in one file; Google's directories have up to five. */
const itemsMax = 64

export function readXmp(packet: Buffer): Xmp {
  const descriptions: Element[] = []
  const { root } = readXml(decode(packet.subarray(0, xmpBytesMax)))
  const rdf = root.children.flatMap(child => (child.name === 'rdf:RDF' ? [child] : child.children))
  for (const element of rdf) {
    if (element.name === 'rdf:RDF')
      descriptions.push(...element.children.filter(child => child.name === 'rdf:Description'))
  }
  const find = (name: string) => {
    for (const { children } of descriptions) {
      const found = children.find(child => child.name === name)
      if (found) return found
    }
    return undefined
  }
  return {
    isRdf: rdf.some(({ name }) => name === 'rdf:RDF'),
    text: name => {
      for (const { attributes } of descriptions) {
        const value = attributes.get(name)
        if (value !== undefined) return value
      }
      const element = find(name)
      return element && textOf(element)
    },
    structures: name => {
      const list = find(name)?.children.find(isList)
      return (list?.children ?? []).slice(0, itemsMax).map(item => fieldsOf(item))
    },
  }
}

function isList({ name }: Element): boolean {
  return name === 'rdf:Alt' || name === 'rdf:Seq' || name === 'rdf:Bag'
}

function textOf(element: Element): string | undefined {
  const list = element.children.find(isList)
  if (list) {
    const item = list.children.find(child => child.attributes.get('xml:lang') === 'x-default') ?? list.children[0]
    return item?.text
  }
  // A value with qualifiers.
  const value = [element, ...element.children]
    .flatMap(({ children }) => children)
    .find(({ name }) => name === 'rdf:value')
  if (value) return value.text
  return element.children.length === 0 ? (element.attributes.get('rdf:resource') ?? element.text) : undefined
}

/** A structure's fields, written in any of RDF's ways: they may stand one or two elements further in. */
function fieldsOf(item: Element): Map<string, string> {
  const fields = new Map<string, string>()
  const collect = (element: Element, depth: number) => {
    for (const [name, value] of element.attributes) if (!fields.has(name)) fields.set(name, value)
    for (const child of element.children) {
      const text = child.children.length === 0 ? child.text.trim() : ''
      if (text !== '' && !fields.has(child.name)) fields.set(child.name, text)
      if (depth < 4) collect(child, depth + 1)
    }
  }
  collect(item, 0)
  return fields
}

function decode(packet: Buffer): string {
  const [first, second] = packet
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)
  const isLittle = (first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)
  return new TextDecoder(isBig ? 'utf-16be' : isLittle ? 'utf-16le' : 'utf-8').decode(packet)
}
