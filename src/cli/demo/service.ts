/** The demo's service: an embedded Postgres, and for each region its database, bucket folder, API and worker. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inheritedEnvironment } from '../../config.js'
import { startEmbeddedPostgres } from '../../db/embedded.js'
import { apiProgram, workerProgram } from '../servers.js'
import { type RunningServer, type ServerSpec, startServer } from './processes.js'

export const regionIds = ['ap-southeast-1', 'us-west-2'] as const

export interface DemoRegion {
  id: string
  server: string
  /** The environment of its processes; the operators' commands take the same. */
  env: Record<string, string>
}

export interface DemoService {
  regions: DemoRegion[]
  /** Ends everything, the youngest first. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  folder: string
  ports: readonly [number, number]
  say: (line: string) => void
  signal: AbortSignal
}

export async function startService({ folder, ports, say, signal }: ServiceOptions): Promise<DemoService> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step()
  }
  try {
    const postgres = await startEmbeddedPostgres({ dir: join(folder, 'postgres'), signal })
    stops.push(() => postgres.stop())
    await mkdir(join(folder, 'logs'), { recursive: true })
    const directoryUrl = await postgres.createDatabase('directory')
    const all = regionIds.map((id, index) => ({ id, apiUrl: `http://127.0.0.1:${ports[index]}`, partition: 'intl' }))
    const regions: DemoRegion[] = []
    for (const { id, apiUrl } of all) {
      const env = {
        ...inheritedEnvironment(),
        PHOTOSYNC_REGION: id,
        PHOTOSYNC_REGIONS: JSON.stringify(all),
        DATABASE_URL: await postgres.createDatabase(id),
        DIRECTORY_DATABASE_URL: directoryUrl,
        BUCKET_DIR: join(folder, 'buckets', id),
        PORT: new URL(apiUrl).port,
        LOG_LEVEL: 'info',
      }
      regions.push({ id, server: apiUrl, env })
    }
    const servers = await startAll(
      regions.flatMap(region => specsOf(region, folder, say)),
      signal,
    )
    stops.push(() => Promise.all(servers.map(server => server.stop())))
    return { regions, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function specsOf({ id, env }: DemoRegion, folder: string, say: (line: string) => void): ServerSpec[] {
  const log = (name: string) => join(folder, 'logs', `${name}-${id}.log`)
  return [
    { name: `The API of ${id}`, program: apiProgram, env, logFile: log('api'), say },
    { name: `The worker of ${id}`, program: workerProgram, env, logFile: log('worker'), say },
  ]
}

/** All or none. */
async function startAll(specs: readonly ServerSpec[], signal: AbortSignal): Promise<RunningServer[]> {
  const outcomes = await Promise.allSettled(specs.map(spec => startServer(spec, signal)))
  const running = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failed = outcomes.find(outcome => outcome.status === 'rejected')
  if (!failed) return running
  await Promise.all(running.map(server => server.stop()))
  throw failed.reason
}
