/** The worker's object graph, built by hand: every job with its handler, every loop with its pace. */

import type { Config } from '../src/config.js'
import { systemClock } from '../src/core/clock.js'
import { newId } from '../src/core/ids.js'
import { limits } from '../src/core/limits.js'
import { listen } from '../src/http/listen.js'
import { buildOps } from '../src/http/ops.js'
import type { Log } from '../src/observe/log.js'
import { makeMetrics } from '../src/observe/metrics.js'
import { registerQueueMetrics } from '../src/observe/queue-metrics.js'
import { makeDamageMetric, makeJobMetrics } from '../src/observe/work-metrics.js'
import { openRegion, queueConnection } from '../src/open-region.js'
import { makeEngine } from '../src/upload/engine.js'
import { boardRoutes } from './board/routes.js'
import { makeCompact } from './compact/compact.js'
import { makeDedupe } from './dedupe/dedupe-job.js'
import { makeFindUncompared } from './dedupe/find-uncompared.js'
import { startLoop } from './loop.js'
import { makeExpireTrash } from './purge/expire-trash.js'
import { makePurge } from './purge/purge.js'
import { makeReap } from './reap/reap.js'
import { makeSweep } from './reap/sweep.js'
import { makeRank } from './relay/ranks.js'
import { makeReadQueues } from './relay/read-queues.js'
import { makeReconcile } from './relay/reconcile.js'
import { makeRelay } from './relay/relay.js'
import { type RunOptions, runJobs } from './run.js'
import { makeDevelop } from './thumbnail/develop.js'
import { Broke } from './thumbnail/isolated/broke.js'
import { openDecoder } from './thumbnail/isolated/decoder.js'
import { makeThumbnailJob } from './thumbnail/thumbnail-job.js'
import { findFfmpeg } from './thumbnail/video/find-ffmpeg.js'

export interface Worker {
  opsUrl: string
  /** Lets running jobs end, then closes everything. */
  stop(): Promise<void>
}

/** How long running jobs may take to end when the worker is told to. */
const drainMs = 20_000
/** How long looking for ffmpeg may take. */
const ffmpegMs = 20_000

export async function startWorker(config: Config, log: Log): Promise<Worker> {
  const clock = systemClock
  const metrics = makeMetrics()
  const region = await openRegion(config, { log, metrics })
  const { db, bucket, queue, signals } = region
  const engine = await makeEngine({ db, bucket, signals, clock, newId })

  const rank = makeRank(db, clock)
  const relay = startLoop(makeRelay(db, queue, rank), { name: 'the relay', intervalMs: 1_000, log })
  await signals.subscribe('outbox', relay.wake)
  const reconcile = startLoop(makeReconcile(db, queue, clock, rank), {
    name: 'the reconciler',
    intervalMs: 10_000,
    log,
  })
  const compare = startLoop(makeFindUncompared(db, queue, clock), { name: 'the comparer', intervalMs: 2_000, log })
  const sweep = startLoop(makeSweep(db, engine, queue, clock), { name: 'the sweeper', intervalMs: 15_000, log })
  const stopping = new AbortController()
  const compact = startLoop(makeCompact(db, clock, stopping.signal), {
    name: 'the compactor',
    intervalMs: 10 * 60_000,
    log,
  })

  const run: RunOptions = {
    connection: queueConnection(config),
    // While one is decoded, another is fetched or put away.
    concurrency: 2 * config.workerConcurrency,
    // Of the whole attempt: a large video is read to its end. Rendering has its own, much shorter limit.
    deadlineMs: limits.attemptMs,
    log,
    observe: makeJobMetrics(metrics.registry),
  }
  const onChange = (person: string) => signals.publish('feed', person)
  const expire = makeExpireTrash({ db, clock, onChange, signal: stopping.signal })
  const emptying = startLoop(expire, { name: 'the emptying of the trash', intervalMs: 60_000, log })
  const decoder = openDecoder({ processes: config.workerConcurrency, log })
  const ffmpeg = await findFfmpeg(config.programPath, AbortSignal.timeout(ffmpegMs))
  const develop = makeDevelop({ decoder, ffmpeg })
  const onDamaged = makeDamageMetric(metrics.registry)
  const thumbnail = makeThumbnailJob({ db, bucket, clock, log, develop, onChange, onDamaged })
  const photos = { ...run, failureKind: (error: unknown) => (error instanceof Broke ? 'broke' : undefined) }
  const runners = await Promise.all([
    runJobs('thumbnail', thumbnail, photos),
    // Reading takes longest here, and that costs little besides waiting.
    runJobs('large', thumbnail, { ...photos, concurrency: 1 }),
    // One at a time: it is computed here, and photos of one person are compared by one job anyway.
    runJobs('dedupe', makeDedupe({ db, clock, onChange }), { ...run, concurrency: 1 }),
    runJobs('reap', makeReap(db, bucket, clock), run),
    runJobs('purge', makePurge(db, bucket, clock), run),
  ])
  registerQueueMetrics(metrics.registry, makeReadQueues(db, queue, clock))
  const { operatorPassword: password } = config
  const onError = (error: unknown) => log.warn({ err: error }, 'a connection of the board broke')
  const board = password === undefined ? [] : [boardRoutes({ connection: run.connection, password, onError })]
  const ops = buildOps({ checks: region.checks, metrics, routes: board })
  const opsUrl = await listen(ops, { host: config.host, port: config.opsPort, variable: 'OPS_PORT' })
  log.info(
    ffmpeg ? { heldBy: ffmpeg.heldBy } : {},
    ffmpeg ? 'videos get posters' : 'videos get no posters: there is no ffmpeg',
  )

  return {
    opsUrl,
    stop: async () => {
      // At once: a round that is under way may take as long as the jobs.
      stopping.abort()
      const loops = [relay, reconcile, compare, sweep, compact, emptying].map(loop => loop.stop())
      await Promise.all([...loops, ...runners.map(runner => runner.drain(drainMs))])
      await decoder.close()
      engine.close()
      await ops.close()
      await region.close()
    },
  }
}
