/** Composes files of the shapes that camera raws have, around a JPEG: no sensor's data, which nothing here looks at. */

type Value = number | readonly number[] | Buffer | { readonly directory: Tags } | { readonly note: Buffer }
export type Tags = Readonly<Record<number, Value>>

/** Little-endian TIFF with a chain of directories; what doesn't fit in an entry stands behind them. */
export function tiffOf(chain: readonly Tags[], magic = 'II*\0'): Buffer {
  const parts: Buffer[] = [Buffer.from(`${magic}\0\0\0\0`, 'latin1')]
  const append = (bytes: Buffer): number => {
    const at = parts.reduce((sum, part) => sum + part.length, 0)
    parts.push(bytes)
    return at
  }
  const write = (tags: Tags, next: number): number => {
    const entries = Object.entries(tags).map(([tag, value]) => {
      const entry = Buffer.alloc(12)
      entry.writeUInt16LE(Number(tag))
      const [type, count, content] = encode(value, part => append(part), write)
      entry.writeUInt16LE(type, 2)
      entry.writeUInt32LE(count, 4)
      entry.writeUInt32LE(content, 8)
      return entry
    })
    const head = Buffer.alloc(2)
    head.writeUInt16LE(entries.length)
    const tail = Buffer.alloc(4)
    tail.writeUInt32LE(next)
    return append(Buffer.concat([head, ...entries, tail]))
  }
  const first = chain.reduceRight((next, tags) => write(tags, next), 0)
  const file = Buffer.concat(parts)
  file.writeUInt32LE(first, 4)
  return file
}

function encode(
  value: Value,
  append: (bytes: Buffer) => number,
  write: (tags: Tags, next: number) => number,
): [type: number, count: number, content: number] {
  if (typeof value === 'number') return [4, 1, value]
  if (Buffer.isBuffer(value)) return [7, value.length, append(value)]
  if ('note' in value) return [7, value.note.length, append(value.note)]
  if ('directory' in value) return [4, 1, write(value.directory, 0)]
  const longs = Buffer.alloc(value.length * 4)
  for (const [index, one] of value.entries()) longs.writeUInt32LE(one, index * 4)
  return [4, value.length, append(longs)]
}

/** The file with a JPEG behind it; `where` is told its place, and gives the file, of the same length whatever the place. */
export function behind(jpeg: Buffer, where: (offset: number, size: number) => Buffer): Buffer {
  const { length } = where(0, jpeg.length)
  return Buffer.concat([where(length, jpeg.length), jpeg])
}

export function rafOf(jpeg: Buffer): Buffer {
  const header = Buffer.alloc(160)
  header.write('FUJIFILMCCD-RAW 0201FF383501')
  header.writeUInt32BE(header.length, 84)
  header.writeUInt32BE(jpeg.length, 88)
  return Buffer.concat([header, jpeg, Buffer.alloc(64)])
}

export function cr3Of(jpeg: Buffer, orientation: number): Buffer {
  const preview = Buffer.concat([Buffer.alloc(8), box('PRVW', Buffer.concat([Buffer.alloc(16), jpeg]))])
  const metadata = box('CMT1', tiffOf([{ 274: orientation }]))
  return Buffer.concat([
    box('ftyp', Buffer.from('crx \0\0\0\x01crx isom', 'latin1')),
    box('moov', uuid('85c0b687820f11e08111f4ce462b6a48', metadata)),
    uuid('eaf42b5e1c984b88b9fbb7dc406e4d16', preview),
    box('mdat', Buffer.alloc(100)),
  ])
}

function uuid(id: string, content: Buffer): Buffer {
  return box('uuid', Buffer.concat([Buffer.from(id, 'hex'), content]))
}

function box(type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + content.length)
  header.write(type, 4)
  return Buffer.concat([header, content])
}
