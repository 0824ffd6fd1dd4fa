/** Goal: a picture that takes too long, or that nobody waits for any more, lets its caller go. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withDeadline } from '../../workers/thumbnail/deadline.js'
import { renderPhoto } from '../../workers/thumbnail/render.js'
import { drawNoise } from './drawing.js'

const late = () => new Error('late')
const never = new Promise<never>(() => {})

test('work that is in time gives its outcome', async () => {
  const deadline = { signal: new AbortController().signal, timeoutMs: 1_000, late }
  expect(await withDeadline(deadline, async () => 7)).toBe(7)
  await expect(withDeadline(deadline, () => Promise.reject(new Error('own')))).rejects.toThrow('own')
})

test('work that takes too long is late, and its next step does not begin', async () => {
  const deadline = { signal: new AbortController().signal, timeoutMs: 10, late }
  await expect(withDeadline(deadline, () => never)).rejects.toThrow('late')
  let began = false
  const work = async (check: () => void) => {
    await sleep(40)
    check()
    began = true
  }
  await expect(withDeadline(deadline, work)).rejects.toThrow('late')
  await sleep(60)
  expect(began).toBe(false)
})

test('a signal ends it at once, with its reason', async () => {
  const reason = new Error('drained')
  const controller = new AbortController()
  const original = await drawNoise(1500, 1500).jpeg().toBuffer()
  const rendering = renderPhoto(original, { signal: controller.signal, now: new Date() })
  setImmediate(() => controller.abort(reason))
  await expect(rendering).rejects.toBe(reason)
  await expect(renderPhoto(original, { signal: controller.signal, now: new Date() })).rejects.toBe(reason)
})
