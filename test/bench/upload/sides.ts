/** The sides of the upload bench: each starts as a process of its own, writes to the bucket it is given, and takes uploads. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { apiProgram, nodeFlags } from '../../../src/cli/servers.js'
import { withAccounts } from '../../../src/cli/with-accounts.js'
import { packageFolder } from '../../../src/core/package-folder.js'
import type { S3Bucket } from '../../support/provided.js'
import { spawnNode } from '../../support/spawn-node.js'
import type { Target } from './client.js'
import { toEnvironment } from './s3-environment.js'
import type { Services } from './services.js'

export interface RunningSide {
  pid: number
  target: Target
  /** Where other people send theirs. */
  others: readonly Target[]
  stop(): Promise<void>
}

export type SideName = 'ours' | 'stock' | 'floor'
export type StartSide = (bucket: S3Bucket) => Promise<RunningSide>

const startDeadlineMs = 30_000
const quiet = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }

/**
 * How to start each side on these services. Ours gets a database and people with one device each, shared by all its starts: one
 * who sends, and `others`.
 */
export async function prepareSides(
  services: Services,
  { others }: { others: number },
): Promise<Record<SideName, StartSide> & { env: OurEnvironment }> {
  const env = await ourEnvironment(services)
  const [token = '', ...otherTokens] = await withAccounts(env(services.s3), accounts => {
    const add = async (name: string) => {
      const { person } = await accounts.addAccount(`${name}@photosync.example`, randomBytes(12).toString('hex'))
      return (await accounts.addDevice(person, 'bench')).token
    }
    return Promise.all(['bench', ...Array.from({ length: others }, (_, index) => `bench-${index}`)].map(add))
  })
  const scratch = join(services.folder, 'scratch')
  await mkdir(scratch)
  return {
    env,
    ours: bucket =>
      start(apiProgram, env(bucket), /"url":"(http:[^"]+)".*"msg":"ready"/, origin => {
        const asWhom = (token: string) => ({
          url: `${origin}/v1/uploads`,
          headers: { Authorization: `Bearer ${token}` },
        })
        return { target: asWhom(token), others: otherTokens.map(asWhom) }
      }),
    // It puts parts into files on their way, and may leave some behind.
    stock: bucket =>
      start(program('stock-server'), { ...toEnvironment(bucket), ...quiet, TMPDIR: scratch }, listening, at('/files')),
    floor: bucket => start(program('floor-server'), toEnvironment(bucket), listening, at('/')),
  }
}

export type OurEnvironment = (bucket: S3Bucket) => Record<string, string>

async function ourEnvironment({ postgres, redisUrl }: Services): Promise<OurEnvironment> {
  const region = 'us-west-2'
  const common = {
    ...quiet,
    PHOTOSYNC_REGION: region,
    DATABASE_URL: await postgres.createDatabase(region),
    DIRECTORY_DATABASE_URL: await postgres.createDatabase('directory'),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    PORT: '0',
  }
  return bucket => ({ ...common, ...toEnvironment(bucket) })
}

const listening = /^listening on (http:\S+)$/
const program = (name: string) => join(packageFolder, `dist/test/bench/${name}.js`)
/** Nobody is known there, so everybody is the same. */
const at = (path: string) => (origin: string) => {
  const target = { url: `${origin}${path}`, headers: {} }
  return { target, others: [target] }
}

async function start(
  script: string,
  env: Record<string, string>,
  ready: RegExp,
  targets: (origin: string) => Pick<RunningSide, 'target' | 'others'>,
): Promise<RunningSide> {
  // All sides alike.
  const running = await spawnNode(script, { env, nodeFlags })
  try {
    const [, origin = ''] = await running.waitForLine(ready, startDeadlineMs)
    return { pid: running.pid, ...targets(origin), stop: () => running.stop() }
  } catch (error) {
    await running.kill9()
    throw error
  }
}
