/**
 * What a file is, by its first bytes: never by its name. Pure. To know another kind, add a row to the table; the first
 * row that fits wins.
 */
import { firstIfd } from './tiff-ifd.js'

export interface Kind {
  /** 'jpeg', 'mp4', …; 'unknown' when no row fits. Camera raws of one family share a name. */
  readonly name: string
  readonly mediaType: string
  /** Pictures and videos are looked at; `vector` is never rendered; `unknown` is neither picture nor video that is known here. */
  readonly sort: 'picture' | 'video' | 'vector' | 'unknown'
}

type Test = (bytes: Buffer) => boolean

const table: readonly (readonly [sort: Kind['sort'], name: string, mediaType: string, test: Test])[] = [
  ['picture', 'jpeg', 'image/jpeg', at(0, '\xff\xd8\xff')],
  ['picture', 'png', 'image/png', at(0, '\x89PNG\r\n\x1a\n')],
  ['picture', 'gif', 'image/gif', either(at(0, 'GIF87a'), at(0, 'GIF89a'))],
  ['picture', 'webp', 'image/webp', both(at(0, 'RIFF'), at(8, 'WEBP'))],
  // AVIF lists HEIF's general brands too, so it must stand before them.
  ['picture', 'avif', 'image/avif', brand('avif', 'avis')],
  ['picture', 'heic', 'image/heic', brand('heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs')],
  ['picture', 'heif', 'image/heif', brand('mif1', 'msf1')],
  ['picture', 'cr3', 'image/x-canon-cr3', brand('crx ')],
  ['video', '3gp', 'video/3gpp', at(4, 'ftyp3gp')],
  ['video', '3g2', 'video/3gpp2', at(4, 'ftyp3g2')],
  ['video', 'mov', 'video/quicktime', at(4, 'ftypqt  ')],
  // QuickTime files from before `ftyp` begin with any of these atoms.
  ['video', 'mov', 'video/quicktime', either(at(4, 'moov'), at(4, 'mdat'), at(4, 'wide'), at(4, 'skip'))],
  ['unknown', 'm4a', 'audio/mp4', either(at(4, 'ftypM4A '), at(4, 'ftypM4B '))],
  ['video', 'mp4', 'video/mp4', brand('isom', 'iso2', 'iso4', 'iso5', 'iso6', 'mp41', 'mp42', 'avc1', 'M4V ', 'MSNV')],
  ['video', 'webm', 'video/webm', both(at(0, '\x1a\x45\xdf\xa3'), within(64, 'webm'))],
  ['video', 'mkv', 'video/x-matroska', both(at(0, '\x1a\x45\xdf\xa3'), within(64, 'matroska'))],
  ['video', 'avi', 'video/x-msvideo', both(at(0, 'RIFF'), at(8, 'AVI '))],
  ['unknown', 'wav', 'audio/wav', both(at(0, 'RIFF'), at(8, 'WAVE'))],
  ['unknown', 'mp3', 'audio/mpeg', at(0, 'ID3')],
  ['unknown', 'jxl', 'image/jxl', either(at(0, '\xff\x0a'), at(0, '\0\0\0\x0cJXL \r\n\x87\n'))],
  ['unknown', 'jp2', 'image/jp2', either(at(0, '\0\0\0\x0cjP  \r\n\x87\n'), at(0, '\xff\x4f\xff\x51'))],
  ['unknown', 'bmp', 'image/bmp', both(at(0, 'BM'), at(6, '\0\0\0\0'))],
  ['unknown', 'psd', 'image/vnd.adobe.photoshop', at(0, '8BPS')],
  ['picture', 'raf', 'image/x-fuji-raf', at(0, 'FUJIFILMCCD-RAW')],
  ['picture', 'orf', 'image/x-olympus-orf', either(at(0, 'IIRO'), at(0, 'IIRS'), at(0, 'MMOR'))],
  ['picture', 'rw2', 'image/x-panasonic-rw2', at(0, 'IIU\0')],
  ['picture', 'cr2', 'image/x-canon-cr2', both(tiff, at(8, 'CR'))],
  ['picture', 'dng', 'image/x-adobe-dng', both(tiff, hasTag(0xc612))], // DNGVersion
  // NEF, ARW, SRW …: the first directory is a reduced picture (NewSubfileType 1) and the full one hangs below it.
  ['picture', 'raw', 'image/x-raw', both(tiff, hasTag(0xfe, 1), hasTag(0x14a))],
  // PEF, older ARW …: compression of the cameras' makers, or the sensor's own samples (PhotometricInterpretation).
  [
    'picture',
    'raw',
    'image/x-raw',
    both(tiff, either(hasTag(0x103, 32_767, 34_713, 65_000, 65_535), hasTag(0x106, 32_803))),
  ],
  ['picture', 'tiff', 'image/tiff', tiff],
  ['vector', 'svg', 'image/svg+xml', svg],
]

const unknown: Kind = { name: 'unknown', mediaType: 'application/octet-stream', sort: 'unknown' }

export function sniff(bytes: Buffer): Kind {
  const row = table.find(([, , , test]) => test(bytes))
  return row ? { sort: row[0], name: row[1], mediaType: row[2] } : unknown
}

function at(offset: number, text: string): Test {
  return bytes => bytes.toString('latin1', offset, offset + text.length) === text
}

function within(end: number, text: string): Test {
  return bytes => bytes.subarray(0, end).includes(text, 0, 'latin1')
}

function both(...tests: Test[]): Test {
  return bytes => tests.every(test => test(bytes))
}

function either(...tests: Test[]): Test {
  return bytes => tests.some(test => test(bytes))
}

/** ISO 14496-12 §4.3: the file type box holds a major brand and those it is compatible with; any of them counts. */
function brand(...names: string[]): Test {
  return bytes => {
    if (!at(4, 'ftyp')(bytes)) return false
    const end = Math.min(bytes.readUInt32BE(0), bytes.length, 256)
    for (let offset = 8; offset + 4 <= end; offset += 4) {
      const isMinorVersion = offset === 12
      if (!isMinorVersion && names.includes(bytes.toString('latin1', offset, offset + 4))) return true
    }
    return false
  }
}

function tiff(bytes: Buffer): boolean {
  return either(at(0, 'II*\0'), at(0, 'MM\0*'), at(0, 'II+\0'), at(0, 'MM\0+'))(bytes)
}

/** With any of the values; without any, whatever it is. */
function hasTag(tag: number, ...values: number[]): Test {
  return bytes => {
    const entry = firstIfd(bytes)?.entries.get(tag)
    return entry !== undefined && (values.length === 0 || values.includes(entry.value))
  }
}

/** An SVG may open with a byte order mark, an XML declaration, comments and a document type. */
function svg(bytes: Buffer): boolean {
  const text = bytes
    .toString('utf8', 0, 1024)
    .replace(/^\uFEFF/, '')
    .trimStart()
  return text.startsWith('<svg') || (/^<(\?xml|!--|!DOCTYPE svg)/i.test(text) && /<svg[\s>]/.test(text))
}
