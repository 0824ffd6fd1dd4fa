/** The worker process: `photosync worker`. */
import { serve } from '../src/serve.js'
import { startWorker } from './app.js'

await serve('worker', startWorker)
