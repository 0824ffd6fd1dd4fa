/** Goal: two processes of one region keep every sentence of tus 1.0.0 that is theirs, whichever of them a request goes to. */
import { expect, test } from 'vitest'
import { limits } from '../../../src/core/limits.js'
import { useTus } from '../../upload/tus-scene.js'
import { uploads } from '../../upload/tus-server.js'
import { rows, tusConformance } from './suite.js'

const scene = useTus()

tusConformance('two processes', () => {
  const [first, second] = [scene.tus, scene.other].map(({ port }) => `http://127.0.0.1:${port}`) as [string, string]
  return {
    origins: [first, second],
    path: uploads,
    expireAll: () => scene.clock.advance(limits.uploadLifetimeMs + 1),
    stalling: second,
  }
})

test('no sentence stands twice in the table', () => {
  const sentences = rows.map(({ section, level, rule }) => `${section} ${level} ${rule}`)
  expect(new Set(sentences).size).toBe(sentences.length)
})
