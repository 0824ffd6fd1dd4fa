/**
 * Whether a JPEG is safe to decode without libjpeg's own bounds. What makes small files slow is many scans, each of which
 * visits every block. Pure.
 */

/** A sequential JPEG has one or three, a progressive one about ten. */
const scansMax = 32

/**
 * Counts every SOS marker (ITU T.81 §B.1.1.3). In the picture's data FF is always followed by 00, so bytes that only look
 * like a marker stand in metadata and make the count too high, which is the safe side.
 */
export function isBoundedJpeg(bytes: Buffer): boolean {
  let scans = 0
  for (let offset = bytes.indexOf('\xff\xda', 0, 'latin1'); offset >= 0; scans++) {
    if (scans >= scansMax) return false
    offset = bytes.indexOf('\xff\xda', offset + 2, 'latin1')
  }
  return true
}
