/** Composes the blocks and files that facts are read from, byte by byte: TIFF directories, JPEG segments, XMP packets, boxes. */

type Value =
  | string
  | number
  | readonly number[]
  | Buffer
  | readonly (readonly [numerator: number, denominator: number])[]

/** Tag → value: text (ASCII), a number or several (LONG), fractions, or bytes (undefined). */
export type Fields = Readonly<Record<number, Value>>

/** A big-endian TIFF whose first directory points to the two others of EXIF. */
export function tiffBlock({ main = {}, photo, gps }: { main?: Fields; photo?: Fields; gps?: Fields }): Buffer {
  const start = 8
  const fields = { ...main, ...(photo && { 34665: 0 }), ...(gps && { 34853: 0 }) }
  const photoAt = start + directory(fields, start).length
  const photoBytes = photo ? directory(photo, photoAt) : Buffer.alloc(0)
  const gpsAt = photoAt + photoBytes.length
  const pointers = { ...(photo && { 34665: photoAt }), ...(gps && { 34853: gpsAt }) }
  return Buffer.concat([
    Buffer.from('MM\0*\0\0\0\x08', 'latin1'),
    directory({ ...fields, ...pointers }, start),
    photoBytes,
    gps ? directory(gps, gpsAt) : Buffer.alloc(0),
  ])
}

/** `start`: where it will stand, for values that don't fit into an entry. */
export function directory(fields: Fields, start: number): Buffer {
  const entries = Object.entries(fields)
  const head = Buffer.alloc(2 + entries.length * 12 + 4)
  head.writeUInt16BE(entries.length, 0)
  const tail: Buffer[] = []
  let end = start + head.length
  for (const [index, [tag, value]] of entries.entries()) {
    const at = 2 + index * 12
    const { type, count, bytes } = encode(value)
    head.writeUInt16BE(Number(tag), at)
    head.writeUInt16BE(type, at + 2)
    head.writeUInt32BE(count, at + 4)
    if (bytes.length <= 4) bytes.copy(head, at + 8)
    else {
      head.writeUInt32BE(end, at + 8)
      tail.push(bytes)
      end += bytes.length
    }
  }
  return Buffer.concat([head, ...tail])
}

function encode(value: Value): { type: number; count: number; bytes: Buffer } {
  if (Buffer.isBuffer(value)) return { type: 7, count: value.length, bytes: value }
  if (typeof value === 'string') {
    const bytes = Buffer.from(`${value}\0`)
    return { type: 2, count: bytes.length, bytes }
  }
  const numbers = (typeof value === 'number' ? [value] : value) as readonly (number | readonly number[])[]
  const isFraction = Array.isArray(numbers[0])
  return { type: isFraction ? 5 : 4, count: numbers.length, bytes: longs(...numbers.flat()) }
}

export function longs(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4)
  return bytes
}

/** Apple's maker note with its two identifiers. */
export function appleNote(fields: Fields): Buffer {
  return Buffer.concat([Buffer.from('Apple iOS\0\0\x01MM', 'latin1'), directory(fields, 14)])
}

/** A JPEG's head with these blocks, and an end of image: enough for whoever doesn't decode it. */
export function jpegOf({ exif, xmp }: { exif?: Buffer; xmp?: string }): Buffer {
  const segments: Buffer[] = [Buffer.from([0xff, 0xd8])]
  if (exif) segments.push(app1('Exif\0\0', exif))
  if (xmp !== undefined) segments.push(app1('http://ns.adobe.com/xap/1.0/\0', Buffer.from(xmp)))
  return Buffer.concat([...segments, Buffer.from([0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9])])
}

function app1(name: string, body: Buffer): Buffer {
  const head = Buffer.from([0xff, 0xe1, 0, 0])
  head.writeUInt16BE(2 + name.length + body.length, 2)
  return Buffer.concat([head, Buffer.from(name, 'latin1'), body])
}

const namespaces: Readonly<Record<string, string>> = {
  dc: 'http://purl.org/dc/elements/1.1/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  exif: 'http://ns.adobe.com/exif/1.0/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  GCamera: 'http://ns.google.com/photos/1.0/camera/',
  Container: 'http://ns.google.com/photos/1.0/container/',
  Item: 'http://ns.google.com/photos/1.0/container/item/',
}

/** An XMP packet with one description. */
export function xmpPacket(attributes: Readonly<Record<string, string | number>>, elements = ''): string {
  const declared = Object.entries(namespaces).map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`)
  const written = Object.entries(attributes).map(([name, value]) => `${name}="${value}"`)
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about="" ${[...declared, ...written].join('\n ')}>${elements}</rdf:Description>
    </rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

export function box(type: string, ...content: (Buffer | string)[]): Buffer {
  const body = content.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
  const size = 8 + body.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([longs(size), Buffer.from(type, 'latin1'), ...body])
}

export interface Shown {
  width: number
  height: number
  /** The first four of the matrix; 1, 0, 0, 1 is upright. */
  matrix?: readonly [number, number, number, number]
}

/** A film's `moov` of ten seconds and one track of pictures. */
export function moovBox({
  track,
  created = 0,
  parts = [],
}: {
  track?: Shown
  created?: number
  parts?: Buffer[]
}): Buffer {
  const mvhd = box('mvhd', longs(0, created, created, 600, 6000, 0x10000), Buffer.alloc(76))
  return box('moov', mvhd, ...(track ? [trakBox(track)] : []), ...parts)
}

export function trakBox({ width, height, matrix = [1, 0, 0, 1] }: Shown): Buffer {
  const [a, b, c, d] = matrix.map(value => value * 65_536) as [number, number, number, number]
  const head = longs(7, 0, 0, 1, 0, 6000, 0, 0, 0, 0)
  const tkhd = box('tkhd', head, longs(a, b, 0, c, d, 0, 0, 0, 0x40000000, width * 65_536, height * 65_536))
  return box('trak', tkhd, box('mdia', box('hdlr', longs(0, 0), 'vide', Buffer.alloc(13))))
}

/** A whole film in little. */
export function film(brand = 'isom'): Buffer {
  return Buffer.concat([
    box('ftyp', brand, longs(0), brand),
    moovBox({ track: { width: 64, height: 48 } }),
    box('mdat', Buffer.alloc(500, 7)),
  ])
}
