/** The goal: what the README shows can be done by whoever copies it, with the package as it is installed. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundle } from './browser-page.js'
import { type ProtocolServer, problem, startProtocolServer } from './protocol-server.js'
import { content, MiB } from './push-scene.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
let examples: string[]
let server: ProtocolServer
let app: string
beforeAll(async () => {
  const readme = await readFile(join(root, 'src/client/README.md'), 'utf8')
  examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code)
  server = await startProtocolServer()
  app = await mkdtemp(join(tmpdir(), 'photosync-readme-'))
  await mkdir(join(app, 'node_modules'))
  await symlink(root, join(app, 'node_modules', 'photosync'))
  await writeFile(join(app, 'app.mjs'), examples[0] ?? '')
  await writeFile(join(app, 'clip.mp4'), content(1, 9 * MiB))
})
afterAll(async () => {
  await server.close()
  await rm(app, { recursive: true })
})

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, ['app.mjs', ...args], { cwd: app, timeout: 50_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err })
    })
  })
}

test('in Node: sends, knows what is there, and says what is the matter', async () => {
  const first = await run(server.url, server.token, 'clip.mp4')
  expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^stored as photo-/) })
  expect(first.err).toContain(`${9 * MiB} of ${9 * MiB} bytes`)
  expect(await run(server.url, server.token, 'clip.mp4')).toMatchObject({
    out: expect.stringMatching(/^already there as/),
  })
  const missing = await run(server.url, server.token, 'none.jpg')
  expect(missing).toEqual({ code: 1, out: '', err: 'none.jpg: is gone (invalid)\n' })
})

test('in Node: goes where the person’s home is', async () => {
  const old = await startProtocolServer()
  try {
    old.instead = () => problem(421, 'misdirected', 'Elsewhere', { region: 'r', apiUrl: server.url })
    const { code, err } = await run(old.url, server.token, 'clip.mp4')
    expect([code, err]).toEqual([0, expect.stringContaining(`going on at ${server.url}`)])
  } finally {
    await old.close()
  }
})

test('in a web page: can be bundled', async () => {
  const { complaints, code } = await bundle(examples[1] ?? '')
  expect(complaints).toEqual([])
  expect(code).toContain('photosync-upload:')
})
