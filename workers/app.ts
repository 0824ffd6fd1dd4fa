/** The worker's object graph, built by hand: every job with its handler, every loop with its pace. */

import type { Config } from '../src/config.js'
import { systemClock } from '../src/core/clock.js'
import { newId } from '../src/core/ids.js'
import { listen } from '../src/http/listen.js'
import { buildOps } from '../src/http/ops.js'
import type { Log } from '../src/observe/log.js'
import { makeMetrics } from '../src/observe/metrics.js'
import { makeJobMetrics } from '../src/observe/work-metrics.js'
import { openRegion, queueConnection } from '../src/open-region.js'
import { makeEngine } from '../src/upload/engine.js'
import { startLoop } from './loop.js'
import { makeReap } from './reap/reap.js'
import { makeSweep } from './reap/sweep.js'
import { makeReconcile } from './relay/reconcile.js'
import { makeRelay } from './relay/relay.js'
import { type RunOptions, runJobs } from './run.js'
import { makeThumbnailJob } from './thumbnail/thumbnail-job.js'

export interface Worker {
  opsUrl: string
  /** Lets running jobs end, then closes everything. */
  stop(): Promise<void>
}

/** How long running jobs may take to end when the worker is told to. */
const drainMs = 20_000

export async function startWorker(config: Config, log: Log): Promise<Worker> {
  const clock = systemClock
  const metrics = makeMetrics()
  const region = await openRegion(config, { log, metrics })
  const { db, bucket, queue, signals } = region
  const engine = await makeEngine({ db, bucket, signals, clock, newId })

  const relay = startLoop(makeRelay(db, queue), { name: 'the relay', intervalMs: 1_000, log })
  await signals.subscribe('outbox', relay.wake)
  const reconcile = startLoop(makeReconcile(db, queue, clock), { name: 'the reconciler', intervalMs: 15_000, log })
  const sweep = startLoop(makeSweep(db, engine, queue, clock), { name: 'the sweeper', intervalMs: 15_000, log })

  const run: RunOptions = {
    connection: queueConnection(config),
    concurrency: config.workerConcurrency,
    // Of the whole attempt: a large video is read to its end. Rendering has its own, much shorter limit.
    deadlineMs: 60 * 60_000,
    log,
    observe: makeJobMetrics(metrics.registry),
  }
  const onChange = (person: string) => signals.publish('feed', person)
  const thumbnail = makeThumbnailJob({ db, bucket, clock, log, onChange })
  const runners = await Promise.all([
    runJobs('thumbnail', thumbnail, run),
    runJobs('reap', makeReap(db, bucket, clock), run),
  ])
  const ops = buildOps({ checks: region.checks, metrics })
  const opsUrl = await listen(ops, { host: config.host, port: config.opsPort, variable: 'OPS_PORT' })

  return {
    opsUrl,
    stop: async () => {
      await Promise.all([relay, reconcile, sweep].map(loop => loop.stop()))
      await Promise.all(runners.map(runner => runner.drain(drainMs)))
      engine.close()
      await ops.close()
      await region.close()
    },
  }
}
