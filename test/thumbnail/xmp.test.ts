/** Goal: an XMP packet's properties are found however they are written, and a hostile packet costs no more than its length. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readXmp } from '../../workers/thumbnail/facts/xmp.js'
import { readXml, xmlLimits } from '../../workers/thumbnail/facts/xmp-xml.js'
import { xmpPacket } from './facts-bytes.js'

const read = (packet: string) => readXmp(Buffer.from(packet))

describe('a property', () => {
  test.each<[string, string, string | undefined]>([
    ['as an attribute', xmpPacket({ 'xmp:Rating': 4 }), '4'],
    ['as an element', xmpPacket({}, '<xmp:Rating>4</xmp:Rating>'), '4'],
    ['in quotes of the other kind', `<rdf:RDF><rdf:Description xmp:Rating='4'/></rdf:RDF>`, '4'],
    ['without an envelope or namespaces', '<rdf:RDF><rdf:Description xmp:Rating="4"/></rdf:RDF>', '4'],
    [
      'under a prefix of its own',
      '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description xmlns:q="http://ns.adobe.com/xap/1.0/" q:Rating="4"/></r:RDF>',
      '4',
    ],
    [
      'of another namespace under the usual prefix',
      '<rdf:RDF><rdf:Description xmlns:xmp="http://example.org/" xmlns:q="http://ns.adobe.com/xap/1.0/"><q:Rating>4</q:Rating></rdf:Description></rdf:RDF>',
      '4',
    ],
    ['in the second description', xmpPacket({}, '</rdf:Description><rdf:Description xmp:Rating="4">'), '4'],
    [
      'with qualifiers',
      xmpPacket({}, '<xmp:Rating><rdf:Description><rdf:value>4</rdf:value></rdf:Description></xmp:Rating>'),
      '4',
    ],
    [
      'as a list',
      xmpPacket({}, '<xmp:Rating><rdf:Seq><rdf:li>4</rdf:li><rdf:li>5</rdf:li></rdf:Seq></xmp:Rating>'),
      '4',
    ],
    ['that is not there', xmpPacket({ 'xmp:Label': 'red' }), undefined],
    ['before the XML breaks', `${xmpPacket({ 'xmp:Rating': 4 }).slice(0, -60)}<<<`, '4'],
    ['in a comment', xmpPacket({}, '<!-- <xmp:Rating>4</xmp:Rating> -->'), undefined],
    ['behind a document type', `<!DOCTYPE x [<!ENTITY a "4">]>${xmpPacket({ 'xmp:Rating': 4 })}`, undefined],
    ['with an entity of its own', xmpPacket({ 'xmp:Rating': '&lol;' }), '&lol;'],
    [
      'inside of another property',
      xmpPacket({}, '<xmp:Thumbnails><xmp:Rating>4</xmp:Rating></xmp:Thumbnails>'),
      undefined,
    ],
    ['in no packet', 'xmp:Rating="4"', undefined],
    ['in nothing', '', undefined],
  ])('%s', (_, packet, value) => {
    expect(read(packet).text('xmp:Rating')).toBe(value)
  })

  test('in UTF-16', () => {
    const packet = Buffer.from(`\uFEFF${xmpPacket({ 'xmp:Rating': 4 })}`, 'utf16le')
    expect(readXmp(packet).text('xmp:Rating')).toBe('4')
    expect(readXmp(Buffer.from(packet).swap16()).text('xmp:Rating')).toBe('4')
  })

  test('of alternatives, the one for everyone', () => {
    const items = '<rdf:li xml:lang="de">Oma</rdf:li><rdf:li xml:lang="x-default">Gran</rdf:li>'
    expect(
      read(xmpPacket({}, `<dc:description><rdf:Alt>${items}</rdf:Alt></dc:description>`)).text('dc:description'),
    ).toBe('Gran')
  })

  test.each([
    ['a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;', `a <b> & "c" 'd'`],
    ['&#228;&#xe4;&#x1F389;', 'ää🎉'],
    ['&amp;lt;', '&lt;'],
    ['&#0;&#x110000;&nbsp;&', '&#0;&#x110000;&nbsp;&'],
    ['<![CDATA[a <b> &amp;]]>', 'a <b> &amp;'],
  ])('with entities: %s', (written, text) => {
    expect(read(xmpPacket({}, `<dc:title>${written}</dc:title>`)).text('dc:title')).toBe(text)
  })
})

test.each([
  ['attributes', '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Length="7"/></rdf:li>'],
  [
    'elements',
    '<rdf:li><Container:Item rdf:parseType="Resource"><Item:Mime>video/mp4</Item:Mime><Item:Length>7</Item:Length></Container:Item></rdf:li>',
  ],
  [
    'a nested description',
    '<rdf:li><rdf:Description><Container:Item><rdf:Description Item:Mime="video/mp4" Item:Length="7"/></Container:Item></rdf:Description></rdf:li>',
  ],
  ['no wrapper', '<rdf:li Item:Mime="video/mp4" Item:Length="7"/>'],
])('structures written as %s', (_, item) => {
  const xmp = read(xmpPacket({}, `<Container:Directory><rdf:Seq>${item}${item}</rdf:Seq></Container:Directory>`))
  const items = xmp.structures('Container:Directory')
  expect(items.map(fields => [fields.get('Item:Mime'), fields.get('Item:Length')])).toEqual([
    ['video/mp4', '7'],
    ['video/mp4', '7'],
  ])
})

/** Each would be slow or large for a reader that backtracks, recurses, copies or expands. */
const size = 300_000
const hostile: readonly [string, string][] = [
  ['tags that never close', '<a '.repeat(size / 3)],
  ['a name without an end', `<${'a'.repeat(size)}`],
  ['an attribute without an end', `<a ${'b'.repeat(size)}`],
  ['a quote without an end', `<a b="${'c'.repeat(size)}`],
  ['nothing but quotes', `<a ${'b="" '.repeat(size / 5)}>`],
  ['nothing but blanks', `<a${' '.repeat(size)}`],
  ['blanks before every equals sign', `<a ${`b${' '.repeat(1_000)}= "" `.repeat(size / 1_000)}>`],
  ['a deep tree', '<a>'.repeat(size / 3)],
  ['a deep tree of namespaces', '<a xmlns:b="c">'.repeat(size / 15)],
  ['comments that never close', '<!--'.repeat(size / 4)],
  ['instructions that never close', '<?'.repeat(size / 2)],
  ['an expansion of entities', `<!DOCTYPE a [${'<!ENTITY a "&b;&b;&b;">'.repeat(size / 24)}]><a>&a;</a>`],
  ['nothing but ampersands', `<a>${'&'.repeat(size)}</a>`],
  ['numbers of characters', `<a>${'&#1'.repeat(size / 3)}</a>`],
  ['many elements', `<a>${'<b/>'.repeat(size / 4)}</a>`],
  ['many elements around texts', `<a>${'x<b/>'.repeat(size / 5)}</a>`],
  ['closing tags alone', '</a>'.repeat(size / 4)],
]

test.each(hostile)('%s: read within the limits', (_, packet) => {
  const { root, tokens } = readXml(packet)
  expect(tokens).toBeLessThanOrEqual(xmlLimits.tokens)
  let elements = 0
  let chars = 0
  let deepest = 0
  const walk = (element: typeof root, depth: number) => {
    elements++
    deepest = Math.max(deepest, depth)
    chars += element.text.length + element.name.length
    for (const [name, value] of element.attributes) chars += name.length + value.length
    for (const child of element.children) walk(child, depth + 1)
  }
  walk(root, 0)
  expect(elements).toBeLessThanOrEqual(xmlLimits.tokens + 1)
  expect(deepest).toBeLessThanOrEqual(xmlLimits.depth + 1)
  // Nothing is held twice, and nothing grows.
  expect(chars).toBeLessThanOrEqual(packet.length)
})

test('a packet changed anywhere is read or not, and never more than it holds', () => {
  const whole = xmpPacket(
    { 'xmp:Rating': 4, 'GCamera:MotionPhoto': 1 },
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Gran &amp; Co</rdf:li></rdf:Alt></dc:description>',
  )
  const change = fc.record({
    at: fc.nat({ max: whole.length }),
    text: fc.constantFrom('<', '>', '/', '"', '&', '', '<a>', '='),
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), changes => {
      let packet = whole
      for (const { at, text } of changes) packet = packet.slice(0, at) + text + packet.slice(at + 1)
      const xmp = read(packet)
      for (const name of ['xmp:Rating', 'dc:description', 'GCamera:MotionPhoto']) {
        expect((xmp.text(name) ?? '').length).toBeLessThanOrEqual(packet.length)
      }
      expect(xmp.structures('Container:Directory').length).toBeLessThanOrEqual(64)
    }),
    { numRuns: 2_000 },
  )
})
