/**
 * A gallery between folders that are nobody's business, somebody who has not agreed to anything yet, and `photosync` as a process
 * that is watched from both sides: from within, every way out of it that it opens; on the line, every byte that it sends.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { withAccounts } from '../../src/cli/with-accounts.js'
import {
  metadataIn,
  type RecordedRequest,
  type RecordingProxy,
  requestsIn,
  startRecordingProxy,
} from '../support/recording-proxy.js'
import { spawnNode } from '../support/services.js'
import { type Service, startService } from './service.js'

export interface GalleryOnDisk {
  folder: string
  /** Relative to it. */
  names(): string[]
  write(name: string, text: string): Promise<void>
  /** Words that must not leave the machine, by what they are: of the folders above, and of what lies beside. */
  secrets: Readonly<Record<string, string>>
}

export interface Run {
  status: number | null
  said: string
  /** Ways out of the process that it opened: `to` where, or `made` what. */
  ways: { to?: string; made?: string }[]
  connections: number
  requests: RecordedRequest[]
  /** All that it sent, a piece for each connection. */
  sent: Buffer[]
}

export interface ConsentScene {
  service: Service
  recorder: RecordingProxy
  gallery: GalleryOnDisk
  /** What a person's commands remember. */
  stateDir: string
  /** A new account, and a handset of theirs that has to ask them. */
  addSilentPerson(): Promise<{ id: string; email: string; token: string }>
  /** An operator's command, at the region itself. */
  operate(...args: string[]): Promise<string>
  /** A handset's command, watched. */
  run(args: readonly string[], token?: string): Promise<Run>
  /** A program of Node, watched in the same way. */
  runProgram(code: string): Promise<Run>
  close(): Promise<void>
}

const deadlineMs = 60_000
const main = 'dist/src/cli/main.js'

export async function startConsentScene(): Promise<ConsentScene> {
  const folder = await mkdtemp(join(tmpdir(), 'photosync-consent-'))
  const service = await startService('Postgres and a disk')
  const recorder = await startRecordingProxy(Number(new URL(service.server).port))
  const stateDir = join(folder, 'state')
  const gallery = await makeGallery(folder)
  let runs = 0

  const operate = async (...args: string[]) => {
    const command = await spawnNode(main, { args, env: service.env })
    await command.endsWith(0, deadlineMs)
    return command.stdout().trim()
  }
  const watched = async (script: string, args: readonly string[], token?: string): Promise<Run> => {
    const log = join(folder, `ways-${++runs}.jsonl`)
    await writeFile(log, '')
    recorder.forget()
    const nodeFlags = ['--import', './dist/test/support/watched-sockets.js']
    const env = {
      PHOTOSYNC_SOCKETS_LOG: log,
      XDG_STATE_HOME: stateDir,
      ...(token !== undefined && { PHOTOSYNC_TOKEN: token }),
    }
    const command = await spawnNode(script, { nodeFlags, args, env })
    const status = await command.exited(deadlineMs).finally(() => command.stop())
    const lines = (await readFile(log, 'utf8')).split('\n').filter(line => line !== '')
    const sent = recorder.sent()
    return {
      ...{ status, said: command.output(), sent, connections: sent.length, requests: sent.flatMap(requestsIn) },
      ways: lines.map(line => JSON.parse(line) as Run['ways'][number]),
    }
  }
  return {
    ...{ service, recorder, gallery, stateDir, operate },
    run: (args, token) => watched(main, args, token),
    runProgram: async code => {
      const program = join(folder, `program-${runs}.mjs`)
      await writeFile(program, code)
      return watched(program, [])
    },
    addSilentPerson: async () => {
      const email = `${randomBytes(6).toString('hex')}@people.example`
      const password = randomBytes(12).toString('base64url')
      const { person: id } = await withAccounts(service.env, accounts => accounts.addAccount(email, password))
      return { id, email, token: await operate('device', 'add', email, 'phone', '--ask-owner') }
    },
    close: async () => {
      await recorder.close()
      await service.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Words that are found by nothing but by having been read. */
const word = (kind: string): string => `${kind}-${randomBytes(6).toString('hex')}`

async function makeGallery(base: string): Promise<GalleryOnDisk> {
  const [above, own, beside, other] = [word('above'), word('camera'), word('beside'), word('other')]
  const folder = join(base, above, own)
  const [besideText, otherText] = [word('what lies beside'), word('what lies elsewhere')]
  await mkdir(join(base, above, other), { recursive: true })
  await writeFile(join(base, above, `${beside}.jpg`), besideText)
  await writeFile(join(base, above, other, 'inner.jpg'), otherText)
  const names: string[] = []
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
    names.push(name)
  }
  await write('IMG_1.JPG', word('\u00ff\u00d8\u00ff\u00e0one'))
  await write('IMG_1-edited.JPG', word('\u00ff\u00d8\u00ff\u00e0one, edited'))
  await write('Strände/写真 2.jpg', word('\u00ff\u00d8\u00ff\u00e0two'))
  await write('Strände/写真 2.jpg.xmp', `<x:xmpmeta xmlns:x="adobe:ns:meta/" x:about="${word('two')}"/>`)
  await write('CLIP.MP4', `${word('video')}${'.'.repeat(9 * 1024 * 1024)}`)
  await symlink(join('..', `${beside}.jpg`), join(folder, 'link.jpg'))
  await symlink(join('..', other), join(folder, 'link'))
  const secrets = {
    'the folder that all lies in': basename(base),
    'the folder above': above,
    'the folder itself': own,
    'the name of the file beside it': beside,
    'what is in the file beside it': besideText,
    'the name of another folder': other,
    'what is in a file of another folder': otherText,
  }
  return { folder, names: () => [...names], write, secrets }
}

/**
 * What a push may say, as a closed list: gives what in these requests is not on it. Every header, every key of what is said of
 * a file, and every body has to be explained by the gallery, the token and the protocol.
 */
export async function unexplained(run: Run, { gallery, recorder }: ConsentScene, token: string): Promise<string[]> {
  const files = await Promise.all(gallery.names().map(name => describeFile(gallery.folder, name)))
  const hashes = files.map(({ metadata }) => metadata.sha256)
  const digits = /^\d+$/
  const headers: Record<string, RegExp | string> = {
    ...{ host: new URL(recorder.url).host, authorization: `Bearer ${token}`, connection: /^(keep-alive|close)$/ },
    ...{ accept: /^(application\/json|\*\/\*)$/, 'accept-encoding': /^[a-z, ]+$/, 'accept-language': '*' },
    ...{ 'user-agent': 'node', 'sec-fetch-mode': 'cors', 'content-length': digits },
    ...{ 'content-type': /^application\/(json|offset\+octet-stream)$/ },
    ...{ 'tus-resumable': '1.0.0', 'upload-length': digits, 'upload-offset': digits },
  }
  const fits = (rule: RegExp | string | undefined, text: string) =>
    rule instanceof RegExp ? rule.test(text) : rule === text
  const ofHeader = (name: string, text: string): string[] => {
    if (name !== 'upload-metadata') return fits(headers[name], text) ? [] : [`${name}: ${text}`]
    const { partOf = '', role = '', ...said } = metadataIn(text)
    const known = files.some(({ metadata }) => JSON.stringify(sorted(metadata)) === JSON.stringify(sorted(said)))
    const isPart = /^([0-9a-z]{26})?$/.test(partOf) && ['', 'edit', 'sidecar'].includes(role)
    return known && isPart ? [] : [`${name}: ${JSON.stringify(metadataIn(text))}`]
  }
  const ofBody = ({ line, body }: RecordedRequest): string[] => {
    if (body.length === 0) return []
    if (line === 'POST /v1/sync/check') {
      const { sha256, ...more } = JSON.parse(body.toString()) as { sha256: string[] }
      return [...sha256.filter(hash => !hashes.includes(hash)), ...Object.keys(more)]
    }
    const isFile =
      /^(POST \/v1\/uploads|PATCH \/v1\/uploads\/)/.test(line) && files.some(({ bytes }) => bytes.equals(body))
    return isFile ? [] : [`a body of ${line}: ${body.subarray(0, 200).toString('latin1')}`]
  }
  const lines = /^(GET \/v1\/me|POST \/v1\/sync\/check|POST \/v1\/uploads|PATCH \/v1\/uploads\/[\w-]+)$/
  return run.requests.flatMap(request => [
    ...(lines.test(request.line) ? [] : [request.line]),
    ...Object.entries(request.headers).flatMap(([name, text]) => ofHeader(name, text)),
    ...ofBody(request),
  ])
}

const mediaTypes: Readonly<Record<string, string>> = { jpg: 'image/jpeg', mp4: 'video/mp4', xmp: 'application/rdf+xml' }

async function describeFile(folder: string, name: string) {
  const path = join(folder, name)
  const [bytes, { mtimeMs }] = await Promise.all([readFile(path), stat(path)])
  const metadata = {
    filename: basename(name),
    filetype: mediaTypes[name.split('.').at(-1)?.toLowerCase() ?? ''] ?? '',
    modified: new Date(mtimeMs).toISOString(),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ifDeleted: 'keep',
  }
  return { bytes, metadata }
}

const sorted = (facts: object): [string, unknown][] => Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))
