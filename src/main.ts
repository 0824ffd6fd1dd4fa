/** The API process: `photosync api`. */
import { startApi } from './app.js'
import { serve } from './serve.js'

await serve('api', startApi)
