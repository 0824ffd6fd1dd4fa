/** The API's object graph, built by hand: what talks to what, in one place. */
import { join } from 'node:path'
import { makeAccounts } from './accounts/accounts.js'
import { accountRoutes } from './accounts/routes.js'
import type { Config } from './config.js'
import { systemClock } from './core/clock.js'
import { newId } from './core/ids.js'
import { packageFolder } from './core/package-folder.js'
import { openEvents } from './feed/events.js'
import { eventRoutes, feedRoutes } from './feed/routes.js'
import { galleryRoutes } from './gallery/routes.js'
import { siteRoutes } from './gallery/site/routes.js'
import { listen } from './http/listen.js'
import { buildOps } from './http/ops.js'
import { rawRoutes } from './http/raw.js'
import { makeReport } from './http/report.js'
import { buildHttp, closeHttp } from './http/server.js'
import { readTls } from './http/tls.js'
import { albumRoutes } from './library/albums/routes.js'
import { duplicateRoutes } from './library/duplicates/routes.js'
import { editRoutes } from './library/edits/routes.js'
import { libraryRoutes } from './library/routes.js'
import { trashRoutes } from './library/trash/routes.js'
import type { Log } from './observe/log.js'
import { makeMetrics } from './observe/metrics.js'
import { openRegion } from './open-region.js'
import { makeEngine } from './upload/engine.js'
import { isIetf, makeIetfFront } from './upload/ietf/front.js'
import { makeTusFront, type TusFront } from './upload/tus/front.js'

export interface Api {
  /** Where it listens. */
  url: string
  opsUrl: string
  /** Lets requests under way end, then closes everything. */
  stop(): Promise<void>
}

/** How long requests under way may take to end. An upload that is cut off then goes on at another process. */
const drainMs = 10_000
const uploads = '/v1/uploads'
const uploadErrorHeaders = { 'Tus-Resumable': '1.0.0' }

export async function startApi(config: Config, log: Log): Promise<Api> {
  const clock = systemClock
  const metrics = makeMetrics()
  const report = makeReport(log, metrics)
  const tls = config.tls && (await readTls(config.tls))
  const region = await openRegion(config, { log, metrics })
  const { db, directory, bucket, signals } = region
  try {
    const accounts = makeAccounts({ db, directory, region: config.region, regions: config.regions, clock, newId })
    const engine = await makeEngine({ db, bucket, signals, clock, newId, memoryBytes: config.uploadMemoryBytes })
    const tus = makeTusFront({ engine, path: uploads, report })
    const ietf = makeIetfFront({ engine, path: uploads, report, clock })
    const front: TusFront = (req, res, caller) => (isIetf(req) ? ietf : tus)(req, res, caller)
    const uploadRoutes = rawRoutes(
      { report },
      {
        prefix: uploads,
        gallery: true,
        handle: front,
        options: (req, res) => front(req, res, undefined),
        errorHeaders: uploadErrorHeaders,
      },
    )
    const onError = (error: unknown) => log.warn({ err: error }, 'where feeds end could not be read')
    const events = await openEvents({ db, signals, onError })
    const http = await buildHttp({
      regionId: config.region.id,
      trustedProxies: config.trustedProxies,
      corsOrigins: config.corsOrigins,
      tls,
      authenticate: accounts.authenticate,
      metrics,
      report,
      newId,
      rawPrefixes: { [uploads]: uploadErrorHeaders },
      routes: [
        accountRoutes({ accounts }),
        libraryRoutes({ db, accounts }),
        trashRoutes({ db, clock, signals }),
        editRoutes({ db, clock, signals }),
        duplicateRoutes({ db }),
        albumRoutes({ db, clock, signals }),
        feedRoutes({ db }),
        eventRoutes({ events, authenticate: accounts.authenticate }),
        galleryRoutes({ db, bucket }),
        uploadRoutes,
        siteRoutes({ folder: join(packageFolder, 'dist/gallery') }),
      ],
    })
    const ops = buildOps({ checks: region.checks, metrics })
    const { host, port, opsPort } = config
    const opsUrl = await listen(ops, { host, port: opsPort, variable: 'OPS_PORT' })
    const url = await listen(http, { host, port, variable: 'PORT' })
    return {
      url,
      opsUrl,
      stop: async () => {
        await closeHttp(http, { deadlineMs: drainMs })
        engine.close()
        await ops.close()
        await region.close()
      },
    }
  } catch (error) {
    await region.close()
    throw error
  }
}
