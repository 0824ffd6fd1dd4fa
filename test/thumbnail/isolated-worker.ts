/** A worker for tests, to be killed: it has photos under way that never end. */
import { openLog } from '../../src/observe/log.js'
import { openDecoder } from '../../workers/thumbnail/isolated/decoder.js'

const [program = '', ...photos] = process.argv.slice(2)
// The log's lines tell the decoders' process ids.
const log = openLog({ name: 'test', level: 'debug' })
const decoder = openDecoder({ processes: photos.length + 1, program, log })
const develop = (photo: string) => {
  async function* body() {
    yield Buffer.from(photo)
  }
  const signal = new AbortController().signal
  return decoder.develop(body(), { sizeBytes: photo.length, now: new Date(), signal })
}
// One has done its photo and is idle; the others never will.
await Promise.all([develop('echo'), ...photos.map(develop)])
