/**
 * The two files that a one-machine Ceph starts from: its settings and its keys. Most settings are there to make it quick
 * to start, or content with one disk; none weakens what a client may rely on.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

export interface CephLayout {
  dir: string
  /** UUID of the cluster. */
  fsid: string
  monitorPort: number
  gateways: readonly { region: string; port: number }[]
}

export function cephSettings({ dir, fsid, monitorPort, gateways }: CephLayout): string {
  return [
    `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${monitorPort}]
public network = 127.0.0.0/8
ms bind ipv6 = false
ms bind msgr1 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${join(dir, 'keyring')}
mon data = ${join(dir, 'mon')}
osd data = ${join(dir, 'osd')}
run dir = ${dir}
log file = ${join(dir, '$name.log')}
admin socket =
pid file =

# One disk, and it may be nearly full.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2

# A file is the disk. It is sparse: it takes what is stored, not its size.
osd objectstore = bluestore
bluestore block size = ${20 * 2 ** 30}
osd memory target = ${896 * 2 ** 20}

# Quick to start and, after a crash, to be back: no second between two changes of the cluster's map (making the pools
# takes dozens), no quarter of a second for closing a device, no lease of a dead process to wait for.
paxos propose interval = 0.02
paxos min wait = 0.01
bluestore fsck on mkfs = false
bluestore debug enforce settings = ssd
bdev aio poll ms = 10
osd pool default read lease ratio = 0.2
osd heartbeat grace = 10
osd heartbeat interval = 1

[client]
objecter tick interval = 0.25
objecter timeout = 2
rgw thread pool size = 64
rgw dynamic resharding = false
rgw run sync thread = false
rgw gc max objs = 1
rgw lc max objs = 1
rgw objexp hints num shards = 1
rgw md log max shards = 1
rgw data log num shards = 1
`,
    ...gateways.map(
      // Each region is a realm of its own, so that they share nothing but the disk underneath.
      ({ region, port }) => `[${gatewayName(region)}]
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw realm = ${region}
rgw zonegroup = ${region}
rgw zone = ${region}
rgw data = ${join(dir, `rgw-${region}`)}
`,
    ),
  ].join('\n')
}

export function gatewayName(region: string): string {
  return `client.rgw.${region}`
}

/** One fresh key for everybody, with the rights each needs. */
export function cephKeyring(regions: readonly string[]): string {
  const key = freshKey()
  const everything = { mon: 'allow *', osd: 'allow *', mgr: 'allow *' }
  const rights: [name: string, caps: Record<string, string>][] = [
    ['mon.', { mon: 'allow *' }],
    ['client.admin', everything],
    ['osd.0', { ...everything, mon: 'allow profile osd' }],
    ...regions.map((region): [string, Record<string, string>] => [
      gatewayName(region),
      { mon: 'allow rw', osd: 'allow rwx' },
    ]),
  ]
  return rights
    .map(([name, caps]) => {
      const lines = Object.entries(caps).map(([daemon, right]) => `caps ${daemon} = "${right}"`)
      return [`[${name}]`, `key = ${key}`, ...lines, ''].join('\n')
    })
    .join('\n')
}

/** Ceph's CryptoKey: type 1 (AES), when it was made (seconds and nanoseconds), length, secret; little-endian, in base64. */
function freshKey(): string {
  const head = Buffer.alloc(12)
  head.writeUInt16LE(1, 0)
  head.writeUInt32LE(1, 2)
  head.writeUInt16LE(16, 10)
  return Buffer.concat([head, randomBytes(16)]).toString('base64')
}
