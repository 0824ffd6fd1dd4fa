/** Goal: the service as it runs keeps tus 1.0.0 and the IETF draft, over two processes, to a random one of which each request goes. */
import { afterAll, beforeAll, describe } from 'vitest'
import { ietfConformance } from '../conformance/ietf/suite.js'
import { tusConformance } from '../conformance/tus/suite.js'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { describeWith } from '../support/services.js'
import { type ClientsScene, startClientsScene } from './clients-scene.js'
import type { Stores } from './service.js'

describe('on Postgres and a disk', () => conformance('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => conformance('Redis and S3'))

function conformance(stores: Stores): void {
  let scene: ClientsScene
  beforeAll(async () => {
    scene = await startClientsScene(stores)
  })
  afterAll(() => scene?.close())

  const target = () => ({
    origins: inAnyOrder(scene.servers, seededRandom()),
    path: '/v1/uploads',
    headers: scene.headers,
  })
  tusConformance('two processes', target)
  // What the stores do differently shows in tus's already.
  if (stores === 'Postgres and a disk') ietfConformance('two processes', target)
}

/** The suites go through origins in turn; more requests than this are in none of their tests. */
const requestsMax = 100

function inAnyOrder(servers: readonly string[], random: SeededRandom): string[] {
  return Array.from({ length: requestsMax }, () => servers[random.between(0, servers.length - 1)] as string)
}
