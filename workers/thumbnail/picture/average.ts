/** Small versions of pictures that are small already, by averaging areas: for hashes, where a decoder's round trip costs more. Pure. */
import type { Samples } from './as-tiff.js'

/** RGBA, alpha not multiplied in. Each pixel is the mean of the area it covers, to fractions of pixels; may also enlarge. */
export function averageRgba({ samples, width, height, channels }: Samples, toWidth: number, toHeight: number): Buffer {
  const isGrey = channels < 3
  const alphaAt = channels === 4 ? 3 : channels === 2 ? 1 : -1
  const columns = spans(width, toWidth)
  const averaged = Buffer.alloc(toWidth * toHeight * 4)
  let out = 0
  for (const rows of spans(height, toHeight)) {
    for (const span of columns) {
      let [red, green, blue, alpha] = [0, 0, 0, 0]
      for (let y = rows.from; y < rows.to; y++) {
        for (let x = span.from; x < span.to; x++) {
          const at = (y * width + x) * channels
          const opacity = alphaAt < 0 ? 255 : (samples[at + alphaAt] ?? 0)
          const weight = opacity * covered(rows, y) * covered(span, x)
          red += weight * (samples[at] ?? 0)
          green += weight * (samples[isGrey ? at : at + 1] ?? 0)
          blue += weight * (samples[isGrey ? at : at + 2] ?? 0)
          alpha += weight
        }
      }
      const weights = alpha || 1
      averaged[out++] = Math.round(red / weights)
      averaged[out++] = Math.round(green / weights)
      averaged[out++] = Math.round(blue / weights)
      averaged[out++] = Math.round(alpha / ((rows.end - rows.start) * (span.end - span.start)))
    }
  }
  return averaged
}

/** Luminance (Rec. 709: nearest to what greyscale conversions in use give) of the picture, drawn out to the size, on white where it is transparent. */
export function averageGrey(samples: Samples, width: number, height: number): Uint8Array {
  const rgba = averageRgba(samples, width, height)
  return Uint8Array.from({ length: width * height }, (_, index) => {
    const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(index * 4, index * 4 + 4)
    return Math.round(255 + ((0.2126 * red + 0.7152 * green + 0.0722 * blue - 255) * alpha) / 255)
  })
}

/** What one of `to` pixels covers of `size`: from `start` to `end`, which touches the pixels `from` to before `to`. */
interface Span {
  start: number
  end: number
  from: number
  to: number
}

function spans(size: number, to: number): Span[] {
  return Array.from({ length: to }, (_, index) => {
    const [start, end] = [(index * size) / to, ((index + 1) * size) / to]
    return { start, end, from: Math.floor(start), to: Math.min(Math.ceil(end - 1e-9), size) }
  })
}

function covered({ start, end }: Span, pixel: number): number {
  return Math.min(end, pixel + 1) - Math.max(start, pixel)
}
