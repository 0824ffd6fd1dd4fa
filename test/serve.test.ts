/** Goal: a server that can't start ends with status 1 and one sentence that says what to do, soon; one that can ends cleanly. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type FreshDatabase, freePort, freshDatabase, spawnNode } from './support/services.js'

const programs = { api: 'src/main.js', worker: 'workers/main.js' } as const
type Program = keyof typeof programs

let folder: string
let database: FreshDatabase
/** Takes connections and never says a word. */
let mute: Server
const sockets = new Set<Socket>()
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'photosync-serve-'))
  database = await freshDatabase()
  mute = createServer(socket => sockets.add(socket.on('error', () => {})))
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  mute.close()
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

const mutePort = () => (mute.address() as { port: number }).port

async function start(program: Program, environment: Record<string, string>) {
  const script = fileURLToPath(new URL(`../dist/${programs[program]}`, import.meta.url))
  const env = {
    PHOTOSYNC_REGION: 'us-west-2',
    DATABASE_URL: database.url,
    BUCKET_DIR: join(folder, 'bucket'),
    PORT: '0',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...environment,
  }
  const server = await spawnNode(script, { env })
  onTestFinished(server.kill9)
  return server
}

/** The one line that it ends with. */
async function refusal(program: Program, environment: Record<string, string>): Promise<string> {
  const server = await start(program, environment)
  await server.endsWith(1, 40_000)
  expect(server.stdout()).toBe('')
  const lines = server.output().trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  return lines[0] ?? ''
}

describe.each<Program>(['api', 'worker'])('the %s', program => {
  test('names every variable that is missing', async () => {
    expect(await refusal(program, { PHOTOSYNC_REGION: '', DATABASE_URL: '' })).toBe(
      `photosync ${program}: The environment is not right: PHOTOSYNC_REGION is missing; DATABASE_URL is missing`,
    )
  })

  test('says that nothing answers where the database should be', async () => {
    const port = await freePort()
    expect(await refusal(program, { DATABASE_URL: `postgresql://ana:secret@127.0.0.1:${port}/photosync` })).toBe(
      `photosync ${program}: postgresql://127.0.0.1:${port} cannot be used (connect ECONNREFUSED 127.0.0.1:${port}). Start it, or correct DATABASE_URL`,
    )
  })

  test('says that the database is not there, on a server that is', async () => {
    const url = new URL(database.url)
    url.pathname = '/none'
    expect(await refusal(program, { DATABASE_URL: url.href })).toMatch(
      /cannot be used \(database "none" does not exist\)\. Start it, or correct DATABASE_URL$/,
    )
  })

  test('says which of two databases it is', async () => {
    const DIRECTORY_DATABASE_URL = `postgresql://127.0.0.1:${await freePort()}/directory`
    expect(await refusal(program, { DIRECTORY_DATABASE_URL })).toMatch(/correct DIRECTORY_DATABASE_URL$/)
  })

  test('says that no S3 service answers', async () => {
    const port = await freePort()
    expect(await refusal(program, s3(port))).toContain(`No S3 service answers at http://127.0.0.1:${port}`)
  })

  test('says that the folder cannot be written', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const dir = join(file, 'bucket')
    expect(await refusal(program, { BUCKET_DIR: dir })).toContain(dir)
  })

  test('says which port is in use', async () => {
    const variable = program === 'api' ? 'PORT' : 'OPS_PORT'
    expect(await refusal(program, { [variable]: String(mutePort()) })).toBe(
      `photosync ${program}: Port ${mutePort()} of 127.0.0.1 is in use. Choose another in ${variable}`,
    )
  })
})

test('what does not answer is given up in bounded time, with its name and the variable’s', async () => {
  const closed = await freePort()
  const cases: [environment: Record<string, string>, sentence: string][] = [
    [
      { REDIS_URL: `redis://:secret@127.0.0.1:${closed}` },
      `redis://127.0.0.1:${closed} cannot be used (connect ECONNREFUSED 127.0.0.1:${closed}). Start it, or correct REDIS_URL`,
    ],
    [
      { REDIS_URL: `redis://127.0.0.1:${mutePort()}` },
      `redis://127.0.0.1:${mutePort()} cannot be used (no answer within 10000 ms). Start it, or correct REDIS_URL`,
    ],
    [
      { DATABASE_URL: `postgresql://127.0.0.1:${mutePort()}/x` },
      `postgresql://127.0.0.1:${mutePort()} cannot be used (timeout expired). Start it, or correct DATABASE_URL`,
    ],
    [s3(mutePort()), `http://127.0.0.1:${mutePort()} does not answer within 20 s. Start it, or correct S3_ENDPOINT`],
  ]
  // Takes as long as the slowest of them.
  const refusals = await Promise.all(cases.map(([environment]) => refusal('api', environment)))
  expect(refusals).toEqual(cases.map(([, sentence]) => `photosync api: ${sentence}`))
})

test('a server that started says where, answers, and ends with status 0 when told to', async () => {
  mkdirSync(join(folder, 'bucket'), { recursive: true })
  for (const program of ['api', 'worker'] as const) {
    const server = await start(program, {})
    const [, opsUrl] = await server.waitForLine(/"opsUrl":"([^"]+)".*"msg":"ready"/, 30_000)
    expect((await fetch(`${opsUrl}/readyz`)).status).toBe(200)
    process.kill(server.pid, 'SIGTERM')
    await server.endsWith(0, 20_000)
  }
})

function s3(port: number): Record<string, string> {
  const keys = { S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'secret' }
  return { BUCKET_DIR: '', S3_BUCKET: 'photos', S3_ENDPOINT: `http://127.0.0.1:${port}`, ...keys }
}
