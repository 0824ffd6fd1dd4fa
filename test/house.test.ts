/** Goal: the house keeps its shape. Each rule holds here, and each is shown to catch a breach in a small house built to break it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  cycles,
  environmentBreaches,
  type House,
  lengthBreaches,
  packageBreaches,
  readHouse,
  roomBreaches,
  topLevelBreaches,
  wordingBreaches,
} from './support/house.js'
import { readReached } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

describe('this house', () => {
  let house: House
  beforeAll(() => {
    house = readHouse(root)
  })

  test('was read', () => {
    expect(house.sources.length).toBeGreaterThan(100)
    expect(house.sources.reduce((sum, { imports }) => sum + imports.length, 0)).toBeGreaterThan(500)
  })

  test.each([
    ['a room knows only the rooms below it', roomBreaches],
    ['a package is imported only where it lives', packageBreaches],
    ['the environment is read in one file', environmentBreaches],
    ['nothing goes round in circles', cycles],
    ['every file is one idea', lengthBreaches],
    ['the top is the map', topLevelBreaches],
    ['it speaks of itself alone', wordingBreaches],
  ])('%s', (_, breaches) => {
    expect(breaches(house)).toEqual([])
  })
})

describe('a breach is caught, with its reason', () => {
  test.each([
    [
      'src/core/a.ts',
      `import { x } from '../db/b.js'`,
      roomBreaches,
      'src/core/a.ts:1 imports src/db/b.ts: core is what',
    ],
    ['src/feed/a.ts', `import type { X } from '../library/b.js'`, roomBreaches, 'does not know what they mean'],
    ['src/library/a.ts', `export { x } from '../upload/b.js'`, roomBreaches, 'however they came'],
    ['src/upload/a.ts', `export * from '../gallery/b.js'`, roomBreaches, 'never depends on showing'],
    ['src/gallery/a.ts', `const x = await import('../upload/b.js')`, roomBreaches, 'never depends on taking'],
    ['src/queue/a.ts', `import '../../workers/b.js'`, roomBreaches, 'does not know who does them'],
    ['src/cli/a.ts', `type X = import('../../workers/app.js').X`, roomBreaches, 'processes of their own'],
    ['src/client/a.ts', `import { x } from '../library/b.js'`, roomBreaches, 'without the server'],
    ['src/gallery/web/a.tsx', `import { x } from '../etag.js'`, roomBreaches, 'bundle without the server'],
    ['src/accounts/a.ts', `import { x } from '../http/b.js'`, roomBreaches, 'only routes.ts files and the fronts'],
    ['src/http/a.ts', `import { x } from '../accounts/b.js'`, roomBreaches, 'routes that it is given'],
    ['src/storage/a.ts', `import { x } from '../config.js'`, roomBreaches, 'knows no photo'],
    ['src/library/a.ts', `import { x } from '../../test/b.js'`, roomBreaches, 'which is in no room'],
    ['src/sharing/a.ts', '', roomBreaches, 'src/sharing/a.ts is in no room'],
    ['src/upload/a.ts', `import { S3Client } from '@aws-sdk/client-s3'`, packageBreaches, 'only storage knows the AWS'],
    ['src/library/a.ts', `import type { Pool } from 'pg'`, packageBreaches, 'only db and *-sql.ts'],
    ['workers/relay/a.ts', `import { Worker } from 'bullmq'`, packageBreaches, 'only queue and workers/run.ts'],
    ['workers/run.ts', `import { Redis } from 'ioredis'`, packageBreaches, 'only queue knows Redis'],
    ['src/gallery/a.ts', `import sharp from 'sharp'`, packageBreaches, 'only workers decode'],
    ['src/gallery/a.ts', `const x = require('sharp')`, packageBreaches, 'only workers decode'],
    ['src/gallery/a.ts', `createRequire(import.meta.url)('sharp')`, packageBreaches, 'only workers decode'],
    ['src/upload/a.ts', `import x = require('fastify')`, packageBreaches, 'Fastify stays in http'],
    ['src/upload/a.ts', 'await import(name)', packageBreaches, 'only shows at run time'],
    ['src/core/a.ts', `import { readFile } from 'node:fs/promises'`, packageBreaches, 'core does no I/O'],
    ['src/core/a.ts', `import { connect } from 'net'`, packageBreaches, 'core does no I/O'],
    ['src/storage/a.ts', 'const x = process.env.X', environmentBreaches, 'src/config.ts alone'],
    ['src/storage/a.ts', `const x = process['env']`, environmentBreaches, 'src/config.ts alone'],
    ['src/storage/a.ts', 'const { env } = process', environmentBreaches, 'src/config.ts alone'],
    ['src/storage/a.ts', `import { env } from 'node:process'`, environmentBreaches, 'src/config.ts alone'],
    ['src/storage/a.ts', `import './b.js'`, cycles, 'src/storage/a.ts → src/storage/b.ts → src/storage/a.ts'],
    ['src/db/a.ts', `import type { x } from '../queue/b.js'`, cycles, 'db → queue → db'],
    ['src/core/long.ts', 'export {}\n'.repeat(301), lengthBreaches, 'has 301 lines'],
    ['.eslintrc', '{}', topLevelBreaches, '.eslintrc lies at the top'],
    ['src/core/a.ts', `// ${'TO'}DO: later`, wordingBreaches, 'belongs in an issue'],
    ['test/a.test.ts', `test.${'only'}('x', () => {})`, wordingBreaches, 'every other test'],
    ['README.md', `see /${'home'}/ana/notes`, wordingBreaches, 'a path of one machine'],
    ['.ci/run', `cd /${'work'}/main`, wordingBreaches, 'a path of one machine'],
    ['package-lock.json', `"https://${'registry'}.example.org/pg"`, wordingBreaches, 'where packages come from'],
  ])('%s', (path, text, breaches, reason) => {
    expect(breaches(build({ [path]: text }))).toEqual([expect.stringContaining(reason)])
  })
})

test('what the rules allow is no breach', () => {
  const house = build({
    'src/http/auth.ts': `import type { Caller } from '../accounts/caller.js'`,
    'src/accounts/routes.ts': `import { x } from '../http/server.js'\nimport fastify from 'fastify'`,
    'src/library/photos-sql.ts': `import pg from 'pg'`,
    'src/config.ts': 'export const x = process.env.X',
    'src/core/words.ts': `// import pg from 'pg'; process.env\nexport const x = "import sharp from 'sharp'"`,
    'workers/run.ts': `import { Worker } from 'bullmq'`,
  })
  const all = [roomBreaches, packageBreaches, environmentBreaches, cycles, topLevelBreaches, wordingBreaches]
  expect(all.flatMap(breaches => breaches(house))).toEqual([])
})

test('an import is read in whatever form it comes', () => {
  const source = [
    `import a, { type B } from 'a'`,
    `import type { B } from 'b'`,
    `import { type C, type D } from 'c'`,
    `export type { E } from 'e'`,
    `export type * from 'f'`,
    `import 'g'`,
    `const h = () => import(\`h\`)`,
    `let i: typeof import('i')`,
    `export const j = <p>import 'no'</p>`,
  ].join('\n')
  const { imports } = readReached('x.tsx', source)
  expect(imports.map(({ specifier, line, typeOnly }) => `${line} ${specifier}${typeOnly ? ' (type)' : ''}`)).toEqual([
    '1 a',
    '2 b (type)',
    '3 c (type)',
    '4 e (type)',
    '5 f (type)',
    '6 g',
    '7 h',
    '8 i (type)',
  ])
})

test('a file that cannot be parsed is no file without imports', () => {
  expect(() => readReached('x.ts', 'import {')).toThrow('x.ts cannot be parsed')
})

/** A small house of these files, beside two that lead back into a circle for whoever leads into them. */
function build(files: Readonly<Record<string, string>>): House {
  const folder = mkdtempSync(join(tmpdir(), 'photosync-house-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const all = { 'src/storage/b.ts': `import './a.js'`, 'src/queue/b.ts': `import '../db/a.js'`, ...files }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return readHouse(folder)
}
