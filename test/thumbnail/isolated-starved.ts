/** A worker for tests that has opened all the files it may: it says what becomes of a photo then. */
import { openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openDecoder } from '../../workers/thumbnail/isolated/decoder.js'

const decoder = openDecoder({ processes: 1, log: pino({ level: 'silent' }) })
async function* body() {
  yield Buffer.from('x')
}
try {
  for (;;) openSync('/dev/null', 'r')
} catch {
  // That was the last one.
}
const signal = new AbortController().signal
const error = await decoder.develop(body(), { sizeBytes: 1, now: new Date(), signal }).catch(error => error)
// What nobody hears would end the process by now.
await sleep(100)
process.stdout.write(`${error.kind}\n`)
process.exit()
