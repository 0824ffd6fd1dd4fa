/**
 * A small HEIC of the four corners (drawing.ts), and others made of it by adding properties to its one picture. Nothing on npm writes
 * HEIC, so this one was drawn by drawing.ts, encoded by libheif's heif-enc (`heif-enc -q 60`), and is this project's own.
 */

/** 96 × 64 pixels, eight bits, no profile. */
const encoded = `
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAUJtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRtAA
AAAAABAAAAImlsb2MAAAAAREAAAQABAAAAAAFmAAEAAAAAAAAA3AAAACNpaW5mAAAAAAABAAAAFWluZmUCAAAAAAEAAGh2YzEAAAAAwmlwcnAA
AACkaXBjbwAAAHhodmNDAQNwAAAAAAAAAAAAHvAA/P34+AAADwMgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQCEAAQArQgEBA3AAAAMAkA
AAAwAAAwAeoDCBBZbqSSmubgQEDAgAAAMACAAAAwAIQCIAAQAHRAHBcrAiQAAAABRpc3BlAAAAAAAAAGAAAABAAAAAEHBpeGkAAAAAAwgICAAA
ABZpcG1hAAAAAAAAAAEAAQOBAoMAAADkbWRhdAAAANgoAa8J4OMMm1Ef//3ovv//bmPQ/1rVgeZPIv9LzLf8CYj/6M+9hFH3t601DDMHCxr0yB
0hmRwaKVmYIP0gPwuNJZemDNc/Q0eM6aMBlmyZl5t5CanCWQGqKeRe30z3nfatenZ7A8/3P8RiT//pDe8f0ur//756LSNb+penXvVIveEIPdR9
2QUsRRioSpvE/ifgf9gNyPNftLtK0mm5nl4LDLeHaZxpHf0Sl5SwJO2PQv+6l9q7yJpP/0lBI/KoWe66nxo29pYe3J2c59TtM1WtNzAn//z5/8
A=`

export const heicFile = (): Buffer => Buffer.from(encoded, 'base64')

/** Turned anticlockwise by so many quarters when it is shown (ISO/IEC 23008-12 §6.5.10). */
export const rotated = (quarters: number): Buffer => box('irot', Buffer.from([quarters]))
/** §6.5.12: 0 swaps top and bottom, 1 left and right. */
export const mirrored = (axis: 0 | 1): Buffer => box('imir', Buffer.from([axis]))
/** Colours by name (ISO/IEC 14496-12 §12.1.5); 12 are the primaries of Display P3, 1 those of sRGB. */
export const named = (primaries: number): Buffer =>
  box('colr', Buffer.concat([Buffer.from('nclx'), Buffer.from([0, primaries, 0, 13, 0, 6, 0x80])]))
export const profiled = (icc: Buffer): Buffer => box('colr', Buffer.concat([Buffer.from('prof'), icc]))

function box(type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + content.length)
  header.write(type, 4)
  return Buffer.concat([header, content])
}

/** The file with more properties of its picture, in that order, which is the order they are applied in. */
export function heicWith(...properties: Buffer[]): Buffer {
  const file = heicFile()
  const added = Buffer.concat(properties)
  const at = (type: string) => file.indexOf(type) - 4
  const grow = (type: string, bytes: number) => file.writeUInt32BE(file.readUInt32BE(at(type)) + bytes, at(type))
  const propertiesEnd = at('ipma')
  const associationsEnd = propertiesEnd + file.readUInt32BE(propertiesEnd)
  // Three properties are associated already; those that are added must be understood (the top bit).
  const associations = Buffer.from(properties.map((_, index) => 0x80 | (4 + index)))
  file.writeUInt8(3 + properties.length, propertiesEnd + 18)
  const grown = added.length + associations.length
  grow('ipco', added.length)
  grow('ipma', associations.length)
  grow('iprp', grown)
  grow('meta', grown)
  const dataOffset = at('iloc') + 20
  file.writeUInt32BE(file.readUInt32BE(dataOffset) + grown, dataOffset)
  const parts = [file.subarray(0, propertiesEnd), added, file.subarray(propertiesEnd, associationsEnd)]
  return Buffer.concat([...parts, associations, file.subarray(associationsEnd)])
}

/** The file with another size in its header. */
export function heicClaiming(width: number, height: number): Buffer {
  const file = heicFile()
  const size = file.indexOf('ispe') + 8
  file.writeUInt32BE(width, size)
  file.writeUInt32BE(height, size + 4)
  return file
}
