/** Goal: this service does what draft-ietf-httpbis-resumable-upload asks of a server, in every version that clients speak. */
import { expect, test } from 'vitest'
import { content, openIetf, told, versions } from './client.js'
import { useIetf } from './scene.js'
import { ietfConformance } from './suite.js'

const scene = useIetf()

ietfConformance('two processes of one region', () => scene.target)

test.each(versions)('interop version %s: what is another person’s is not there', async version => {
  const ietf = openIetf(scene.target, version)
  const foreign = openIetf({ ...scene.target, headers: { person: '1' } }, version)
  const path = await ietf.create()
  expect(told(await foreign.head(path))).toEqual([404, undefined])
  expect(told(await foreign.patch(path, 0, content(), ietf.ends))).toEqual([404, undefined])
  expect((await foreign.delete(path)).status).toBe(404)
  await ietf.expectAt(path, 0)
})
