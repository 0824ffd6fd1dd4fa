/**
 * Loaded into a process before its program (`node --import`): writes to the file that PHOTOSYNC_SOCKETS_LOG names, a line of JSON
 * each, whatever that process does to reach another one. It looks at two places that know nothing of each other: what is called
 * (`to`, with the address) and what the runtime makes of it (`made`, its kind), so that a way around the first shows in the second.
 */
import { createHook } from 'node:async_hooks'
import dns from 'node:dns'
import { appendFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const file = process.env.PHOTOSYNC_SOCKETS_LOG ?? ''
const note = (seen: { to: string } | { made: string }) => appendFileSync(file, `${JSON.stringify(seen)}\n`)

/** Everything through which a word can leave a process: connections, datagrams, questions to resolvers, processes, listening. */
const ways = [
  ...['TCPCONNECTWRAP', 'PIPECONNECTWRAP', 'TCPSERVERWRAP', 'PIPESERVERWRAP', 'UDPWRAP'],
  ...['GETADDRINFOREQWRAP', 'GETNAMEINFOREQWRAP', 'QUERYWRAP', 'PROCESSWRAP', 'WORKER'],
]
createHook({
  init(_id, type) {
    if (ways.includes(type)) note({ made: type })
  },
}).enable()

type Connect = (...args: unknown[]) => net.Socket

const { prototype } = net.Socket
const connect = prototype.connect as Connect
prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  note({ to: addressOf(args) })
  return Reflect.apply(connect, this, args)
} as typeof prototype.connect

/** Of `connect(port, host)`, `connect(path)`, `connect({port, host})` and the list that Node itself makes of them. */
function addressOf([first, second]: unknown[]): string {
  const target = Array.isArray(first) ? first[0] : first
  if (typeof target !== 'object' || target === null) return `${typeof second === 'string' ? second : ''}:${target}`
  const { host = 'localhost', port, path } = target as { host?: string; port?: number; path?: string }
  return path ?? `${host}:${port}`
}

type Lookup = (hostname: string, ...rest: unknown[]) => unknown

for (const names of [dns, dns.promises] as { lookup: unknown }[]) {
  const lookup = names.lookup as Lookup
  names.lookup = (hostname: string, ...rest: unknown[]) => {
    note({ to: `lookup ${hostname}` })
    return lookup(hostname, ...rest)
  }
}
syncBuiltinESMExports()
