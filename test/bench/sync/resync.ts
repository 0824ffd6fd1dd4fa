/** The second sync of a gallery in which nothing changed, over the long link: the server has all of it, and the client has seen it. */
import { join } from 'node:path'
import { makeGallery } from './gallery.js'
import { addPhotos } from './library.js'
import { type Sent, send, type Way } from './senders.js'
import type { Bench } from './trial.js'

export interface ResyncMeasured {
  first: Sent
  second: Sent
}

const sizes = [2_000, 4_000] as const

export async function measureResync(
  { services, say, signal }: Bench,
  way: Way,
  files: number,
): Promise<ResyncMeasured> {
  say(`an unchanged gallery of ${files} files`)
  const gallery = await makeGallery(join(services.folder, 'unchanged'), [{ files, sizes }])
  try {
    const person = await services.addPerson()
    await addPhotos(services.db, person, gallery.sha256)
    const options = { home: join(services.folder, 'unchanged-home'), signal }
    const first = await send('ours', way, person, gallery, options)
    const second = await send('ours', way, person, gallery, options)
    say(`first ${first.seconds.toFixed(1)} s, second ${second.seconds.toFixed(1)} s, ${second.requests} requests`)
    return { first, second }
  } finally {
    await gallery.remove()
  }
}
