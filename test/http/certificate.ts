/** A certificate of our own making for 127.0.0.1 and localhost, and its key, so that tests speak TLS without a file or a tool. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Tls } from '../../src/http/tls.js'

/** Valid from yesterday to tomorrow; a new key each time. */
export function makeCertificate(): Tls {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const dayMs = 24 * 3600_000
  const name = sequence(tlv(0x31, sequence(objectId.commonName, tlv(0x0c, Buffer.from('localhost')))))
  const addresses = sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.from([127, 0, 0, 1])))
  const certified = sequence(
    tlv(0xa0, integer(2)),
    integer(Date.now() % 2 ** 31),
    sequence(objectId.ecdsaWithSha256),
    name,
    sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(sequence(objectId.alternativeName, tlv(0x04, addresses)))),
  )
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', certified, privateKey))
  const der = sequence(certified, sequence(objectId.ecdsaWithSha256), signature)
  return {
    cert: Buffer.from(`-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`),
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

/** DER: a tag, a length, a value (X.690 §8.1). */
function tlv(tag: number, ...values: readonly Buffer[]): Buffer {
  const value = Buffer.concat(values)
  const { length } = value
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), value])
}

const sequence = (...values: readonly Buffer[]): Buffer => tlv(0x30, ...values)

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt32BE(value, 1)
  // As short as it can be, but for a first byte that keeps it positive.
  let start = 0
  while (start < 4 && bytes[start] === 0 && (bytes[start + 1] ?? 0) < 128) start++
  return tlv(0x02, bytes.subarray(start))
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return tlv(0x18, Buffer.from(text))
}

const objectId = {
  commonName: tlv(0x06, Buffer.from([0x55, 0x04, 0x03])),
  alternativeName: tlv(0x06, Buffer.from([0x55, 0x1d, 0x11])),
  ecdsaWithSha256: tlv(0x06, Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])),
}
