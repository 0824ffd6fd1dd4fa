/**
 * Goal: before its owner signed in and agreed, a handset sends nothing, and after they took it back nothing again; in between it
 * sends the photos of the folder and what they need, and nothing about the machine, its person, or anything beside the folder.
 * Shown on the line by a recorder of every byte, and within the process by a watcher of every way out of it.
 */
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isId } from '../../src/core/ids.js'
import { machineSecrets, tracesIn } from '../support/machine-traces.js'
import { type ConsentScene, type Run, startConsentScene, unexplained } from './consent-scene.js'

let scene: ConsentScene
let person: { id: string; email: string; token: string }
beforeAll(async () => {
  scene = await startConsentScene()
  person = await scene.addSilentPerson()
})
afterAll(() => scene?.close())

const push = (token: string | undefined, ...more: string[]): Promise<Run> =>
  scene.run(['push', scene.gallery.folder, '--server', scene.recorder.url, ...more], token)
const freeUp = (token: string | undefined): Promise<Run> =>
  scene.run(
    ['free-up-space', scene.gallery.folder, '--older-than', '0h', '--server', scene.recorder.url, '--yes'],
    token,
  )
const consent = (...words: string[]): Promise<Run> =>
  scene.run(['consent', ...words, '--server', scene.recorder.url], person.token)

const linesOf = ({ requests }: Run): string[] => requests.map(({ line }) => line)
const photosThere = async () =>
  (await scene.service.db.query<{ id: string }>('select id from photos where person = $1', [person.id])).length
const ledger = () =>
  scene.service.db.query<{ purpose: string; version: number; granted: boolean; at: Date }>(
    'select purpose, version, granted, at from consents where person = $1 order by id',
    [person.id],
  )

/** Connections to the server that was named, and no other way out. */
function expectOnlyServer({ ways, connections }: Run): void {
  const { host } = new URL(scene.recorder.url)
  const made = ways.flatMap(way => way.made ?? [])
  const to = ways.flatMap(way => way.to ?? [])
  expect([...new Set(to)]).toEqual([host])
  expect(made).toEqual(to.map(() => 'TCPCONNECTWRAP'))
  expect(connections).toBe(to.length)
}

/** It asked whose token it has, and nothing else left the machine. */
async function expectOnlyAsked(run: Run): Promise<void> {
  expect(linesOf(run)).toEqual(['GET /v1/me'])
  expectOnlyServer(run)
  expect(await unexplained(run, scene, person.token)).toEqual([])
  expect(run.requests[0]?.body.length).toBe(0)
}

/** Every command that looks at a gallery. */
const commands: readonly [string, (token?: string) => Promise<Run>][] = [
  ['push', token => push(token)],
  ['push --json --restore', token => push(token, '--json', '--restore')],
  ['push --dry-run', token => push(token, '--dry-run')],
  ['push --watch', token => push(token, '--watch')],
  ['free-up-space', freeUp],
]

describe('the recorders see what there is to see', () => {
  test('a name asked for, a connection, a datagram and a process are each seen within', async () => {
    const { port } = new URL(scene.recorder.url)
    const run = await scene.runProgram(`
      import { execFileSync, spawn } from 'node:child_process'
      import { createSocket } from 'node:dgram'
      import { lookup } from 'node:dns/promises'
      import { connect } from 'node:net'
      await lookup('localhost')
      await new Promise(done => connect(${port}, '127.0.0.1').end('GET /seen HTTP/1.1\\r\\n\\r\\n', done))
      await new Promise(done => { const socket = createSocket('udp4'); socket.send('x', 9, '127.0.0.1', () => socket.close(done)) })
      await new Promise(done => spawn(process.execPath, ['--version']).on('close', done))
    `)
    const { ways, connections } = run
    expect(ways.flatMap(({ to }) => to ?? [])).toEqual(
      expect.arrayContaining(['lookup localhost', `127.0.0.1:${port}`]),
    )
    const kinds = ['GETADDRINFOREQWRAP', 'TCPCONNECTWRAP', 'UDPWRAP', 'PROCESSWRAP']
    expect(ways.flatMap(({ made }) => made ?? [])).toEqual(expect.arrayContaining(kinds))
    expect([connections, linesOf(run)]).toEqual([1, ['GET /seen']])
  })

  test('a secret is found however it is written', () => {
    const secrets = { name: 'Häuschen-17', mac: '52:54:00:ab:cd:ef' }
    for (const [written, found] of [
      ['X-Host: Häuschen-17\r\n', ['name']],
      ['?from=H%C3%A4uschen-17', ['name']],
      [JSON.stringify({ name: 'Häuschen-17' }).replace('ä', '\\u00e4'), ['name']],
      [`Upload-Metadata: who ${Buffer.from('at Häuschen-17').toString('base64')},x`, ['name']],
      ['52:54:00:AB:CD:EF', ['mac']],
      [Buffer.from('52:54:00:ab:cd:ef').toString('hex'), ['mac']],
      ['Häuschen 17', []],
    ] as const) {
      expect(tracesIn([Buffer.from(written)], secrets), written).toEqual(found)
    }
  })
})

describe('before signing in', () => {
  test.each(commands)('%s opens nothing, and says in a sentence what is missing', async (_, command) => {
    const { status, said, ways, connections } = await command(undefined)
    expect({ ways, connections }).toEqual({ ways: [], connections: 0 })
    expect(status).toBe(2)
    expect(said).toMatch(/^photosync: say who you are: [^\n]+\n$/)
  })

  test('the package opens nothing by being there', async () => {
    const [node, browser] = ['index', 'browser'].map(name => pathToFileURL(`dist/src/client/${name}.js`).href)
    const { status, said, ways, connections } = await scene.runProgram(`
      import * as node from '${node}'
      import * as browser from '${browser}'
      const options = { server: '${scene.recorder.url}', token: 'x' }
      for (const each of [node, browser]) {
        each.makeApi(options), each.makeFeedApi(options), each.makePace(), each.makeHome(options.server, () => {}), each.follow
      }
      node.makeUploadHttp().close()
    `)
    expect({ status, said, ways, connections }).toEqual({ status: 0, said: '', ways: [], connections: 0 })
  })
})

describe('signed in, before agreeing', () => {
  test.each(commands)('%s asks whether its owner agreed, sends nothing else, and says so', async (_, command) => {
    const run = await command(person.token)
    expect(run.status).toBe(1)
    expect(run.said).toMatch(
      /^(\{[^\n]+\}\n)?photosync: the owner of this token has not agreed to sending photos to [^\n]+, so nothing is sent[^\n]*\n$/,
    )
    await expectOnlyAsked(run)
    expect([await photosThere(), await ledger()]).toEqual([0, []])
  })

  test('nothing was agreed to, and asking changes nothing', async () => {
    const run = await consent()
    expect([run.status, run.said.split('\n')[0]]).toEqual([0, 'sending photos: no, never answered'])
    expect(await ledger()).toEqual([])
  })
})

describe('after the yes', () => {
  test('it is recorded: to what, to which words, and when', async () => {
    const before = Date.now()
    const run = await consent('give', '--yes')
    expect(run.status).toBe(0)
    expect(run.said).toMatch(/^sending photos: yes, answered \S+, version 1 of the words\n/)
    expect(run.requests.map(({ line, body }) => [line, JSON.parse(body.toString())])).toEqual([
      ['PUT /v1/consents/sync', { granted: true, version: 1 }],
    ])
    expectOnlyServer(run)
    const [row, ...more] = await ledger()
    expect([row, more]).toEqual([{ purpose: 'sync', version: 1, granted: true, at: expect.any(Date) }, []])
    expect(Number(row?.at)).toBeGreaterThanOrEqual(before)
    expect(Number(row?.at)).toBeLessThanOrEqual(Date.now())
  })

  test('the folder’s photos are sent with what they need, to the server that was named, and nothing else', async () => {
    const run = await push(person.token, '--json')
    const files = scene.gallery.names().length
    expect(JSON.parse(run.said.trim().split('\n').at(-1) ?? '')).toMatchObject({ stored: files, failed: [] })
    expect(await photosThere()).toBe(files)
    expectOnlyServer(run)
    expect(await unexplained(run, scene, person.token)).toEqual([])
    const [device] = await scene.service.db.query<{ id: string }>('select id from devices where person = $1', [
      person.id,
    ])
    const secrets = {
      ...(await machineSecrets()),
      ...scene.gallery.secrets,
      'its owner’s address': person.email,
      'the device’s id': device?.id ?? '',
      'what is remembered where': scene.stateDir,
    }
    expect(Object.keys(secrets).length).toBeGreaterThan(10)
    expect(tracesIn(run.sent, secrets)).toEqual([])
    // Only what is looked for where it is can be missed where it is not.
    expect(tracesIn(run.sent, { photo: '写真 2.jpg', sent: 'IMG_1-edited.JPG' })).toEqual(['photo', 'sent'])
  })
})

describe('a device’s id', () => {
  const idOf = async (name: string) => {
    const lines = (await scene.operate('device', 'list', person.email)).split('\n').map(line => line.split('\t'))
    return lines.find(([, named]) => named === name)?.[0] ?? ''
  }

  test('is random; a new one comes of removing the device and adding it', async () => {
    const old = await idOf('phone')
    await scene.operate('device', 'revoke', person.email, old)
    const refused = await push(person.token)
    expect([refused.status, refused.said]).toEqual([1, expect.stringContaining('This device token is not valid')])
    await expectOnlyAsked(refused)

    const token = await scene.operate('device', 'add', person.email, 'the same phone')
    const fresh = await idOf('the same phone')
    expect([isId(old), isId(fresh)]).toEqual([true, true])
    // 26 characters of 32 kinds: two that are drawn by chance share none or one or a few places, and no beginning.
    const shared = [...old].filter((character, index) => character === fresh[index]).length
    expect(shared).toBeLessThan(12)
    expect(fresh.slice(0, 6)).not.toBe(old.slice(0, 6))
    person = { ...person, token }
    expect(JSON.parse((await push(token, '--json')).said.trim())).toMatchObject({ stored: 0, failed: [], bytesSent: 0 })
  })
})

describe('after the yes was taken back', () => {
  test('a no is recorded beside the yes, and nothing of a new photo goes out until the next yes', async () => {
    expect((await consent('withdraw')).said).toMatch(/^sending photos: no, answered \S+, version 1 of the words\n/)
    expect(await ledger()).toMatchObject([{ granted: true }, { purpose: 'sync', version: 1, granted: false }])
    const before = await photosThere()
    await scene.gallery.write('IMG_3.JPG', 'taken after the no')
    for (const [, command] of commands) {
      const run = await command(person.token)
      expect([run.status, run.said]).toEqual([1, expect.stringContaining('or took that back, so nothing is sent')])
      await expectOnlyAsked(run)
    }
    expect(await photosThere()).toBe(before)

    const added = await scene.operate('device', 'add', person.email, 'tablet')
    expect((await push(added)).status, 'another device is no yes after a no').toBe(1)

    // Nor is anything taken from a client of somebody else's.
    const foreign = await fetch(`${scene.service.server}/v1/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}`, 'tus-resumable': '1.0.0', 'upload-length': '5' },
    })
    expect([foreign.status, foreign.headers.get('tus-resumable')]).toEqual([403, '1.0.0'])

    expect((await consent('give', '--yes')).status).toBe(0)
    expect(JSON.parse((await push(person.token, '--json')).said.trim())).toMatchObject({ stored: 1, failed: [] })
    expect((await ledger()).map(({ granted }) => granted)).toEqual([true, false, true])
  })
})
