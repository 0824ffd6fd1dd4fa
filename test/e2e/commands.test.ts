/** Goal: the operators' commands do what they say on a region's database, and say in one sentence why not. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, spawnNode } from '../support/services.js'

let database: FreshDatabase
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.drop())

const region = 'us-west-2'

async function run(args: string[], env: Record<string, string> = {}) {
  const settings = { PHOTOSYNC_REGION: region, DATABASE_URL: database.url, BUCKET_DIR: '/nowhere' }
  const command = await spawnNode('dist/src/cli/main.js', { args, env: { ...settings, ...env } })
  return { status: await command.exited(30_000), output: command.output(), stdout: command.stdout() }
}

test('a device is added, listed and revoked', async () => {
  const { withAccounts } = await import('../../src/cli/with-accounts.js')
  const env = { PHOTOSYNC_REGION: region, DATABASE_URL: database.url, BUCKET_DIR: '/nowhere' }
  await withAccounts(env, accounts => accounts.addAccount('ana@people.example', 'a long enough password'))

  const added = await run(['device', 'add', 'ana@people.example', 'Ana’s phone'])
  expect([added.status, added.stdout]).toEqual([0, expect.stringMatching(/^ps1\.us-west-2\.[A-Za-z0-9_-]{43}\n$/)])
  const listed = await run(['device', 'list', 'ana@people.example'])
  const [id = '', name, , use] = listed.stdout.trim().split('\t')
  expect([name, use]).toEqual(['Ana’s phone', 'in use'])
  expect((await run(['device', 'revoke', 'ana@people.example', id])).status).toBe(0)
  expect((await run(['device', 'list', 'ana@people.example'])).stdout).toContain('revoked')
  await withAccounts(env, async accounts => {
    await expect(accounts.authenticate({ bearer: added.stdout.trim() })).rejects.toMatchObject({
      kind: 'unauthenticated',
    })
  })
})

test.each([
  [['device', 'add', 'nobody@people.example', 'x'], 1, 'nobody has an account with nobody@people.example in us-west-2'],
  [['device', 'revoke', 'ana@people.example', 'x'], 1, 'You have no such device'],
  [['device', 'add', 'ana@people.example'], 2, 'write: photosync device add EMAIL NAME'],
  [['account', 'add', 'ana@people.example'], 2, '--region R'],
  [['account', 'add', 'ana@people.example', '--region', 'cn-north-1'], 2, 'this environment is that of us-west-2'],
  [['account', 'add', 'ana@people.example', '--regoin', region], 2, 'photosync account --help tells what there is'],
  [['worker', 'now'], 2, 'takes no arguments'],
  [['frobnicate'], 2, 'there is no command'],
])('photosync %j', async (args, status, sentence) => {
  const result = await run(args)
  expect(result).toMatchObject({ status, stdout: '' })
  expect(result.output.trim().split('\n')).toEqual([expect.stringContaining(sentence)])
})
