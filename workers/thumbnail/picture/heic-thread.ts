/** Runs as a thread: takes HEIC files one by one, and ends after a failure, since what a failed decoder leaves behind isn't known. */
import { parentPort } from 'node:worker_threads'
import type { HeicAnswer, HeicQuestion } from './heic.js'
import { HeifError, load, lookAtHeif } from './libheif.js'

load()

/** heif_error_Unsupported_filetype, heif_error_Unsupported_feature. */
const unsupportedCodes = [3, 4]
/** heif_suberror_Security_limit_exceeded. */
const securityLimitSubcode = 1000

function answer({ original, pixelsMax }: HeicQuestion): HeicAnswer {
  try {
    return lookAtHeif(original, ({ width, height, hasAlpha, icc, primaries, decode }): HeicAnswer => {
      if (width * height > pixelsMax) return { outcome: 'too large', width, height }
      return { outcome: 'decoded', samples: decode(), width, height, channels: hasAlpha ? 4 : 3, icc, primaries }
    })
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    if (error instanceof HeifError && error.subcode === securityLimitSubcode)
      return { outcome: 'beyond limits', detail }
    if (error instanceof HeifError && unsupportedCodes.includes(error.code)) return { outcome: 'unsupported', detail }
    return { outcome: 'damaged', detail }
  }
}

parentPort?.on('message', (question: HeicQuestion) => {
  const found = answer(question)
  parentPort?.postMessage(found, found.outcome === 'decoded' ? [found.samples.buffer] : [])
  if (found.outcome !== 'decoded') parentPort?.close()
})
