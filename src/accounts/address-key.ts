/** What a client's address counts as when its attempts are limited. Pure. */
import { isIPv6 } from 'node:net'

/** An IPv4 address as it is; of IPv6 the first 64 bits, since whoever has one address has all of that network's. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const start = head.split(':').filter(group => group !== '')
  const end = tail?.split(':').filter(group => group !== '') ?? []
  const zeros = Array<string>(Math.max(0, 8 - start.length - end.length)).fill('0')
  const network = [...start, ...(tail === undefined ? [] : zeros), ...end].slice(0, 4)
  return network.map(group => Number.parseInt(group, 16).toString(16)).join(':')
}
