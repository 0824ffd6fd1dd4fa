/** Goal: no header, whatever it says, brings about a failure of ours or moves an upload that it does not write to. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { content, openIetf, receiptOf, told } from './client.js'
import { useIetf } from './scene.js'

const scene = useIetf()

/** What Node's client lets out and its server lets in. */
const char = fc.integer({ min: 0x20, max: 0xff }).filter(code => code !== 0x7f)
const anything = fc.string({ unit: char.map(code => String.fromCharCode(code)) })
const likely = fc.constantFrom(
  '',
  '?0',
  '?1',
  '0',
  '1',
  '10',
  '-1',
  '5',
  '6',
  '8',
  '99',
  '?1;a',
  '1e3',
  '9007199254740993',
)
const names = [
  'Upload-Draft-Interop-Version',
  'Upload-Complete',
  'Upload-Incomplete',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Limit',
  'Content-Type',
  'Content-Encoding',
  'Content-Disposition',
  'Content-Digest',
  'Repr-Digest',
  'Want-Repr-Digest',
  'X-HTTP-Method-Override',
  'Tus-Resumable',
] as const
const headers = fc.dictionary(fc.constantFrom(...names), fc.oneof(anything, likely), { maxKeys: 6 })
const method = fc.constantFrom('POST', 'PUT', 'PATCH', 'HEAD', 'GET', 'DELETE', 'OPTIONS')

test('headers of every kind', async () => {
  const ietf = openIetf(scene.target, 8)
  const bystander = await ietf.create()
  await ietf.patch(bystander, 0, content(10), ietf.goesOn)
  const body = fc.constantFrom('', 'ab', 'x'.repeat(2_000))
  const target = fc.constantFrom('collection', 'upload', 'nowhere')
  const property = fc.asyncProperty(method, target, headers, body, async (asked, at, said, sent) => {
    const id = at === 'upload' ? await ietf.create() : `${ietf.target.path}/${'0'.repeat(26)}`
    const path = at === 'collection' ? ietf.target.path : id
    const isBodiless = asked === 'HEAD' || asked === 'GET' || asked === 'OPTIONS'
    const answer = await ietf.ask(asked, path, { headers: said, ...(!isBodiless && { body: sent }) })
    expect(answer.status).toBeLessThan(500)
    expect(answer.status).toBeGreaterThanOrEqual(200)
    // Nothing is called stored that isn't.
    const [photo] = receiptOf(answer)
    if (photo !== undefined) expect((await scene.stored(photo)).toString()).toBe(sent)
  })
  await fc.assert(property, { numRuns: 400, endOnFailure: true })
  expect(told(await ietf.head(bystander))).toEqual([204, '10'])
})
