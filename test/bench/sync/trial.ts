/** One side once: fresh contents, a fresh person, a program that remembers nothing. All of it goes afterwards. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeGallery } from './gallery.js'
import { type SendOptions, type Sent, type SideName, send, type Way } from './senders.js'
import type { Services } from './services.js'

export interface Bench {
  services: Services
  say: (line: string) => void
  signal: AbortSignal
}

let trials = 0

export async function trial(
  { services, say, signal }: Bench,
  side: SideName,
  way: Way,
  groups: Parameters<typeof makeGallery>[1],
  { giveUpMs }: Pick<SendOptions, 'giveUpMs'> = {},
): Promise<Sent> {
  signal.throwIfAborted()
  const folder = join(services.folder, `trial-${trials++}`)
  const gallery = await makeGallery(join(folder, 'gallery'), groups)
  try {
    const sent = await send(side, way, await services.addPerson(), gallery, {
      home: join(folder, 'home'),
      giveUpMs,
      signal,
    })
    const rate = (sent.bytes * 8) / sent.seconds / 1e6
    const [files, mb] = [`${sent.files} photos`, `${(sent.bytes / 1e6).toFixed(1)} MB`]
    say(`${side}: ${files}, ${mb} in ${sent.seconds.toFixed(1)} s, ${rate.toFixed(1)} Mbit/s`)
    return sent
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
