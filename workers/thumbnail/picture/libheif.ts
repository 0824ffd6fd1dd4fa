/**
 * libheif's C functions, compiled to WebAssembly, and the few of them that decoding needs. They take and give addresses in one
 * memory, which grows and is never given back: so this belongs into a thread that ends (heic-thread.ts).
 *
 * Calls the C functions rather than the wrappers that come with them: those pass every byte of a picture through strings, which
 * takes three times the memory.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

interface Module {
  /** The memory as it is now; a new object whenever it has grown. */
  readonly HEAPU8: Uint8Array
  _malloc(size: number): number
  _free(at: number): void
  _heif_context_free(context: number): void
  _heif_image_handle_release(handle: number): void
  _heif_image_release(image: number): void
  _heif_context_alloc(): number
  _heif_context_read_from_memory_without_copy(error: number, context: number, at: number, size: number, opt: 0): void
  _heif_context_get_primary_image_handle(error: number, context: number, out: number): void
  _heif_image_handle_get_width(handle: number): number
  _heif_image_handle_get_height(handle: number): number
  _heif_image_handle_has_alpha_channel(handle: number): number
  _heif_image_handle_get_raw_color_profile_size(handle: number): number
  _heif_image_handle_get_raw_color_profile(error: number, handle: number, out: number): void
  _heif_image_handle_get_nclx_color_profile(error: number, handle: number, out: number): void
  _heif_decode_image(
    error: number,
    handle: number,
    out: number,
    colorspace: number,
    chroma: number,
    options: number,
  ): void
  _heif_context_get_security_limits(context: number): number
  _heif_image_get_width(image: number, channel: number): number
  _heif_image_get_height(image: number, channel: number): number
  _heif_image_get_plane_readonly2(image: number, channel: number, strideOut: number): number
}

const require = createRequire(import.meta.url)

/** A call of libheif that failed, in its own words and numbers (heif_error.h). */
export class HeifError extends Error {
  override readonly name = 'HeifError'
  readonly code: number
  readonly subcode: number

  constructor(code: number, subcode: number, message: string) {
    super(message)
    this.code = code
    this.subcode = subcode
  }
}

export interface Heif {
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  readonly icc: Uint8Array | undefined
  /** Of the `nclx` profile, as ITU-T H.273 numbers them. */
  readonly primaries: number | undefined
  /** Eight-bit samples, three or four to a pixel, upright, row by row without gaps. */
  /** Refuses what turns out to have more pixels than it said. */
  decode(): Uint8Array<ArrayBuffer>
}

let loaded: Module | undefined

/** Throws where the machine has no memory for it: before any file is there to be blamed. */
export function load(): Module {
  if (loaded) return loaded
  const make = require('libheif-js/libheif-wasm/libheif.js') as (options: { wasmBinary: Buffer }) => Module
  loaded = make({ wasmBinary: readFileSync(require.resolve('libheif-js/libheif-wasm/libheif.wasm')) })
  return loaded
}

/**
 * Reads the structure of a file, which decodes nothing, and hands it to `look`; what it was given ends with that call. Sizes are
 * those after turning, which `decode` does.
 */
export function lookAtHeif<T>(original: Uint8Array, look: (heif: Heif) => T): T {
  const lib = load()
  const errorAt = lib._malloc(16)
  const outAt = lib._malloc(64)
  const originalAt = lib._malloc(original.length)
  const context = lib._heif_context_alloc()
  lib.HEAPU8.set(original, originalAt)
  const u32 = (at: number) => new DataView(lib.HEAPU8.buffer).getUint32(at, true)
  const checked = (call: () => void) => {
    call()
    const [code, subcode, messageAt] = [u32(errorAt), u32(errorAt + 4), u32(errorAt + 8)]
    if (code === 0) return
    const text = Buffer.from(lib.HEAPU8.subarray(messageAt, messageAt + 200)).toString('latin1')
    throw new HeifError(code, subcode, text.split('\0', 1)[0] ?? '')
  }
  let handle = 0
  try {
    checked(() => lib._heif_context_read_from_memory_without_copy(errorAt, context, originalAt, original.length, 0))
    checked(() => lib._heif_context_get_primary_image_handle(errorAt, context, outAt))
    handle = u32(outAt)
    return look(describe({ lib, context, handle, errorAt, outAt, u32, checked }, original.length))
  } finally {
    if (handle !== 0) lib._heif_image_handle_release(handle)
    lib._heif_context_free(context)
    for (const at of [originalAt, outAt, errorAt]) lib._free(at)
  }
}

interface Opened {
  lib: Module
  context: number
  handle: number
  /** Where calls leave their heif_error, and what they give. */
  errorAt: number
  outAt: number
  u32: (at: number) => number
  /** Makes a call that leaves an error, and throws it as HeifError. */
  checked: (call: () => void) => void
}

function describe(opened: Opened, iccBytesMax: number): Heif {
  const { lib, handle, errorAt, outAt, u32, checked } = opened
  const readIcc = () => {
    const size = lib._heif_image_handle_get_raw_color_profile_size(handle)
    if (size === 0 || size > iccBytesMax) return undefined
    const at = lib._malloc(size)
    try {
      checked(() => lib._heif_image_handle_get_raw_color_profile(errorAt, handle, at))
      return lib.HEAPU8.slice(at, at + size)
    } finally {
      lib._free(at)
    }
  }
  const readPrimaries = () => {
    lib._heif_image_handle_get_nclx_color_profile(errorAt, handle, outAt)
    return u32(errorAt) === 0 ? u32(u32(outAt) + 4) : undefined
  }
  return {
    width: lib._heif_image_handle_get_width(handle),
    height: lib._heif_image_handle_get_height(handle),
    hasAlpha: lib._heif_image_handle_has_alpha_channel(handle) !== 0,
    icc: readIcc(),
    primaries: readPrimaries(),
    decode: () => decode(opened),
  }
}

function decode({ lib, context, handle, errorAt, outAt, u32, checked }: Opened): Uint8Array<ArrayBuffer> {
  const width = lib._heif_image_handle_get_width(handle)
  const height = lib._heif_image_handle_get_height(handle)
  const channels = lib._heif_image_handle_has_alpha_channel(handle) === 0 ? 3 : 4
  // heif_security_limits.max_image_size_pixels: grids have up to a tile more a side than they show.
  const pixelsMax = BigInt(width + codedPastEdgePx) * BigInt(height + codedPastEdgePx)
  new DataView(lib.HEAPU8.buffer).setBigUint64(lib._heif_context_get_security_limits(context) + 8, pixelsMax, true)
  // heif_colorspace_RGB; heif_chroma_interleaved_RGB or _RGBA, which also makes eight bits of ten; heif_channel_interleaved.
  const [colorspace, chroma, channel] = [1, channels === 3 ? 10 : 11, 10]
  checked(() => lib._heif_decode_image(errorAt, handle, outAt, colorspace, chroma, 0))
  const image = u32(outAt)
  try {
    const decoded = [lib._heif_image_get_width(image, channel), lib._heif_image_get_height(image, channel)]
    const plane = lib._heif_image_get_plane_readonly2(image, channel, outAt + 8)
    const [stride, row] = [u32(outAt + 8), width * channels]
    // What stands behind a smaller picture may be of another photo.
    if (plane === 0 || stride < row || decoded[0] !== width || decoded[1] !== height) {
      throw new HeifError(-1, 0, 'there are other samples than it says')
    }
    const samples = new Uint8Array(row * height)
    for (let y = 0; y < height; y++) {
      samples.set(lib.HEAPU8.subarray(plane + y * stride, plane + y * stride + row), y * row)
    }
    return samples
  } finally {
    lib._heif_image_release(image)
  }
}

const codedPastEdgePx = 1024
