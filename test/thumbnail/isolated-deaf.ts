/** A decoder's program for tests: it is ready, and then never reads what it is sent. */
import { writeSync } from 'node:fs'
import { frameOf } from '../../workers/thumbnail/isolated/frames.js'

writeSync(3, frameOf({ is: 'ready' }))
setInterval(() => {}, 60_000)
