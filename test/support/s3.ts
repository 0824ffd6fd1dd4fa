/**
 * A real S3 service for tests: Ceph on this machine, a monitor, one disk and one gateway (radosgw) for each region, all on
 * loopback and in one folder, as whoever runs the tests. Nothing of it needs root.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { cephKeyring, cephSettings, gatewayName } from './ceph-files.js'
import { freePort } from './free-port.js'
import { findCommand, type RunningProcess, runToEnd, startProcess, tailOf } from './process.js'
import type { S3Bucket } from './provided.js'
import { waitUntil } from './wait-until.js'

export interface S3Service {
  /** One for each region, in the order asked for. */
  buckets: S3Bucket[]
  stop(): Promise<void>
  /** Ends everything as a crash would, or one region's gateway only. What was acknowledged is on the disk. */
  kill9(region?: string): Promise<void>
  /** Starts whatever doesn't run, at the same addresses. Resolves when every gateway answers. */
  restart(): Promise<void>
}

export interface S3Options {
  /** Made when missing, and to be empty. */
  dir: string
  regions: readonly string[]
  signal?: AbortSignal
}

const startDeadlineMs = 60_000
const programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'monmaptool', 'osdmaptool']

/** Why there can be no S3 service on this machine; undefined when there can. */
export function s3Missing(): string | undefined {
  const absent = programs.filter(program => !findCommand(program))
  return absent.length === 0
    ? undefined
    : `${absent.join(', ')} not on this machine: apt-get install ceph-mon ceph-osd radosgw ceph-common`
}

export async function startS3({ dir, regions, signal }: S3Options): Promise<S3Service> {
  const absence = s3Missing()
  if (absence) throw new Error(absence)
  const ceph: Ceph = { dir, command: commandIn(dir), daemons: new Map(), signal }
  const identity: Identity = { fsid: randomUUID(), monitorPort: await freePort() }
  const buckets: S3Bucket[] = []
  for (const region of regions) {
    buckets.push({
      endpoint: `http://127.0.0.1:${await freePort()}`,
      region,
      bucket: `photosync-${region}`,
      accessKeyId: 'PHOTOSYNCTEST',
      secretAccessKey: randomBytes(18).toString('base64url'),
    })
  }
  const service: S3Service = {
    buckets,
    stop: () => endAll(ceph, daemon => daemon.stop()),
    kill9: async region => {
      if (region === undefined) return endAll(ceph, daemon => daemon.kill9())
      await ceph.daemons.get(gatewayName(region))?.kill9()
    },
    restart: async () => {
      await Promise.all([startDisk(ceph), ...regions.map(region => startGateway(ceph, region))])
      await Promise.all(buckets.map(bucket => answers(ceph, bucket)))
    },
  }
  try {
    await writeFiles(ceph, identity, buckets)
    await together(ceph, starting => [prepareMonitor(starting, identity), prepareDisk(starting)])
    await startDisk(ceph)
    await together(ceph, starting => buckets.map(bucket => openRegion(starting, bucket)))
    return service
  } catch (cause) {
    const logs = logTails(ceph)
    await service.kill9()
    throw new Error(`The S3 service (Ceph) did not start in ${dir}.\nIts logs end with:\n${logs}`, { cause })
  }
}

/** A client as radosgw wants it: without checksums of the SDK's own, which it can't take at the end of a stream. */
export function s3Client({ endpoint, region, accessKeyId, secretAccessKey }: S3Bucket): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}

interface Ceph {
  dir: string
  command: (program: string, args: readonly string[]) => { command: string; args: string[]; env: { CEPH_CONF: string } }
  /** By name: mon.a, osd.0, client.rgw.<region>. */
  daemons: Map<string, RunningProcess>
  signal: AbortSignal | undefined
}

function commandIn(dir: string): Ceph['command'] {
  const env = { CEPH_CONF: join(dir, 'ceph.conf') }
  return (program, args) => ({ command: findCommand(program) ?? program, args: [...args], env })
}

/** Like Promise.all, but what fails first ends the others, and nothing of it goes on once this rejects. */
async function together(ceph: Ceph, begin: (ceph: Ceph) => Promise<void>[]): Promise<void> {
  const giveUp = new AbortController()
  const signal = AbortSignal.any([giveUp.signal, ...(ceph.signal ? [ceph.signal] : [])])
  const work = begin({ ...ceph, signal }).map(one => one.catch((error: unknown) => giveUp.abort(error)))
  await Promise.all(work)
  giveUp.signal.throwIfAborted()
}

interface Identity {
  /** UUID of the cluster. */
  fsid: string
  monitorPort: number
}

async function writeFiles({ dir }: Ceph, identity: Identity, buckets: readonly S3Bucket[]): Promise<void> {
  const regions = buckets.map(({ region }) => region)
  for (const folder of ['mon', 'osd', ...regions.map(region => `rgw-${region}`)])
    await mkdir(join(dir, folder), { recursive: true })
  const gateways = buckets.map(({ region, endpoint }) => ({ region, port: Number(new URL(endpoint).port) }))
  await writeFile(join(dir, 'ceph.conf'), cephSettings({ dir, ...identity, gateways }))
  await writeFile(join(dir, 'keyring'), cephKeyring(regions), { mode: 0o600 })
}

async function prepareMonitor(ceph: Ceph, { fsid, monitorPort }: Identity): Promise<void> {
  const [monmap, osdmap, keyring] = [join(ceph.dir, 'monmap'), join(ceph.dir, 'osdmap'), join(ceph.dir, 'keyring')]
  await run(ceph, 'monmaptool', '--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, monmap)
  // A map that knows the disk already saves the dance of registering it.
  await run(ceph, 'osdmaptool', '--createsimple', '1', osdmap)
  await run(ceph, 'ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap, '--osdmap', osdmap, '--keyring', keyring)
}

async function prepareDisk(ceph: Ceph): Promise<void> {
  await run(ceph, 'ceph-osd', '--mkfs', '-i', '0', '--osd-uuid', randomUUID(), '--no-mon-config')
}

/** Runs one of Ceph's commands to its end; giving up ends it too. */
async function run({ command, signal }: Ceph, program: string, ...args: string[]): Promise<void> {
  await runToEnd({ ...command(program, args), signal }, startDeadlineMs)
}

/** The monitor and the disk; they find each other in whatever order they come up. */
async function startDisk(ceph: Ceph): Promise<void> {
  await startDaemon(ceph, 'mon.a', 'ceph-mon', ['-f', '-i', 'a'])
  await startDaemon(ceph, 'osd.0', 'ceph-osd', ['-f', '-i', '0'])
}

async function startGateway(ceph: Ceph, region: string): Promise<void> {
  await startDaemon(ceph, gatewayName(region), 'radosgw', ['-f', '-n', gatewayName(region)])
}

/** A realm, its user, its gateway, its bucket. Every call waits by itself until the disk is there. */
async function openRegion(ceph: Ceph, bucket: S3Bucket): Promise<void> {
  const { region, endpoint, accessKeyId, secretAccessKey } = bucket
  const place = [`--rgw-realm=${region}`, `--rgw-zonegroup=${region}`, `--rgw-zone=${region}`]
  const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`]
  for (const args of [
    ['realm', 'create'],
    ['zonegroup', 'create', '--master', `--endpoints=${endpoint}`],
    ['zone', 'create', '--master', `--endpoints=${endpoint}`],
    ['period', 'update', '--commit'],
    ['user', 'create', '--uid=photosync', '--display-name=photosync', ...keys],
  ]) {
    await run(ceph, 'radosgw-admin', ...place, ...args)
  }
  ceph.signal?.throwIfAborted()
  await startGateway(ceph, region)
  await answers(ceph, bucket)
  const client = s3Client(bucket)
  await client.send(new CreateBucketCommand({ Bucket: bucket.bucket }))
  client.destroy()
}

async function startDaemon(ceph: Ceph, name: string, program: string, args: string[]): Promise<void> {
  const before = ceph.daemons.get(name)
  if (before && before.end() === undefined) return
  const logFile = join(ceph.dir, `${name}.out`)
  ceph.daemons.set(name, await startProcess({ ...ceph.command(program, args), logFile }))
}

async function answers(ceph: Ceph, { endpoint, region }: S3Bucket): Promise<void> {
  await waitUntil(async () => (await fetch(endpoint, { signal: AbortSignal.timeout(2_000) })).status < 500, {
    what: `S3 in ${region} answers at ${endpoint}`,
    deadlineMs: startDeadlineMs,
    signal: ceph.signal,
    stillPossible: () => {
      for (const name of ['mon.a', 'osd.0', gatewayName(region)]) {
        const end = ceph.daemons.get(name)?.end()
        if (end) throw new Error(end)
      }
    },
  })
}

/** Gateways first, the disk before the monitor: each is gone before what it leans on. */
async function endAll(ceph: Ceph, end: (daemon: RunningProcess) => Promise<void>): Promise<void> {
  const { 'mon.a': monitor, 'osd.0': disk, ...gateways } = Object.fromEntries(ceph.daemons)
  await Promise.all(Object.values(gateways).map(end))
  for (const daemon of [disk, monitor]) if (daemon) await end(daemon)
}

function logTails({ dir, daemons }: Ceph): string {
  return [...daemons.keys()]
    .map(name => `-- ${name}\n${tailOf(join(dir, `${name}.out`), 6)}\n${tailOf(join(dir, `${name}.log`), 6)}`)
    .join('\n')
}
