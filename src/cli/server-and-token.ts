/** `--server` and `--token`: whom a handset's command talks to, and as whom. What is wrong with them is told in one sentence. */
import type { CommandIo } from './exit.js'
import { UsageError } from './exit.js'

export const serverAndToken = { server: { type: 'string' }, token: { type: 'string' } } as const

/** The token may come from the environment, where other people on the machine do not see it. */
export function readServerAndToken(
  { server, token = undefined }: { server?: string | undefined; token?: string | undefined },
  env: CommandIo['env'],
): { server: string; token: string } {
  const device = token ?? env.PHOTOSYNC_TOKEN
  if (!server) throw new UsageError('say which server: --server URL')
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new UsageError(`--server must be a URL such as https://us-west-2.photos.example, not ‘${server}’`)
  }
  if (!device) throw new UsageError('say who you are: --token TOKEN, or the environment variable PHOTOSYNC_TOKEN')
  // What cannot stand in a header would end as a fault of the network.
  if (!/^[\x21-\x7e]+$/.test(device))
    throw new UsageError('the token holds characters that no token has: copy it again')
  return { server, token: device }
}
