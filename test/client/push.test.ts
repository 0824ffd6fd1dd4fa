/**
 * The goal: a gallery arrives whole whatever happens on the way, and nothing is sent that need not be. Real files, real
 * sockets, a server that misbehaves on purpose.
 */
import { describe, expect, test } from 'vitest'
import { problem } from './protocol-server.js'
import { content, MiB, usePushScene } from './push-scene.js'

const scene = usePushScene()
const storedAs = (fileName: string) =>
  [...scene.server.stored.values()].find(({ metadata }) => metadata.filename === fileName)

describe('breaks', () => {
  test('a large file broken off at many places arrives byte for byte, and only what was lost is sent again', async () => {
    const bytes = await scene.write('clip.mp4', content(1, 9 * MiB))
    scene.server.cuts = [1, 70_000, 1 * MiB + 3, 262_144, 3 * MiB]
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 1, failed: [] })
    expect(storedAs('clip.mp4')?.bytes.equals(bytes)).toBe(true)
    expect(scene.server.requests.filter(request => request === 'POST /v1/uploads')).toHaveLength(1)
    expect(scene.server.requests.filter(request => request === 'HEAD /v1/uploads/:id')).toHaveLength(5)
  })

  test('a small file goes out in one request, and a broken one is sent anew', async () => {
    const bytes = await scene.write('photo.jpg', content(2, MiB))
    const whole = await scene.push()
    expect(whole).toMatchObject({ stored: 1, bytesSent: MiB, requests: 3 }) // who am I, what is missing, the photo
    scene.server.stored.clear()
    scene.server.cuts = [0, 700_000].map(bytes => Math.max(1, bytes))
    expect(await scene.push()).toMatchObject({ stored: 1, failed: [] })
    expect(storedAs('photo.jpg')?.bytes.equals(bytes)).toBe(true)
  })

  test('an answer that never comes is waited for no longer than the stall limit', async () => {
    await scene.write('photo.jpg', content(3, 50_000))
    let hung = false
    scene.server.onArrived = async () => {
      if (hung) return
      hung = true
      await new Promise(() => {})
    }
    expect(await scene.push({ stallMs: 200 })).toMatchObject({ stored: 1, failed: [] })
  })

  test('a server that forgot the upload gets it anew; passing faults at HEAD do not begin at zero', async () => {
    const bytes = await scene.write('clip.mp4', content(4, 9 * MiB))
    scene.server.cuts = [5 * MiB]
    scene.server.instead = (request, nth) => {
      if (request !== 'HEAD /v1/uploads/:id') return undefined
      return nth === 1 ? { status: 503, headers: { 'retry-after': '0' } } : nth === 2 ? { status: 423 } : undefined
    }
    expect(await scene.push()).toMatchObject({ stored: 1, failed: [] })
    expect(scene.server.requests.filter(request => request === 'POST /v1/uploads')).toHaveLength(1)

    scene.server.stored.clear()
    scene.server.requests.length = 0
    scene.server.cuts = [5 * MiB]
    scene.server.instead = request => (request === 'HEAD /v1/uploads/:id' ? { status: 404 } : undefined)
    expect(await scene.push()).toMatchObject({ stored: 1, failed: [] })
    expect(scene.server.requests.filter(request => request === 'POST /v1/uploads')).toHaveLength(2)
    expect(storedAs('clip.mp4')?.bytes.equals(bytes)).toBe(true)
  })

  test('423 and 429 are waited out, as long as Retry-After says', async () => {
    await scene.write('a.jpg', content(5, 1000))
    scene.server.instead = (request, nth) => {
      if (request === 'POST /v1/uploads' && nth === 1) return { status: 423 }
      if (request === 'POST /v1/uploads' && nth === 2) return { status: 429, headers: { 'retry-after': '1' } }
      if (request === 'POST /v1/sync/check' && nth === 1) return problem(503, 'unavailable', 'Back soon')
      return undefined
    }
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 1, failed: [] })
    expect(result.seconds).toBeGreaterThan(1)
  })
})

describe('nothing twice', () => {
  test('what the server has is not sent, and a second push sends nothing', async () => {
    for (let i = 0; i < 30; i++) await scene.write(`a/${i}.jpg`, content(i, 2000 + i))
    expect(await scene.push()).toMatchObject({ stored: 30, alreadyThere: 0 })
    await scene.write('b/new.png', content(99, 500))
    scene.server.requests.length = 0
    expect(await scene.push()).toMatchObject({ stored: 1, alreadyThere: 30, duplicates: 0, bytesSent: 500 })
    expect(scene.server.requests.filter(request => request.includes('uploads'))).toEqual(['POST /v1/uploads'])
    const again = await scene.push()
    expect(again).toMatchObject({ stored: 0, alreadyThere: 31, bytesSent: 0 })
    expect(again.files.every(({ photo, outcome }) => photo && outcome === 'already-there')).toBe(true)
  })

  test('one content in many files is sent once, wherever its copies lie', async () => {
    const bytes = content(7, 4000)
    for (let i = 0; i < 60; i++)
      await scene.write(`${String(i).padStart(2, '0')}.jpg`, i % 20 === 0 ? bytes : content(100 + i, 900))
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 58, duplicates: 2, failed: [] })
    expect(scene.server.requests.filter(request => request === 'POST /v1/uploads')).toHaveLength(58)
    expect(new Set(scene.server.checks.flat()).size).toBe(scene.server.checks.flat().length)
    const copies = result.files.filter(({ outcome }) => outcome === 'duplicate')
    expect(copies.map(({ photo }) => photo)).toEqual(Array(2).fill(copies[0]?.photo))
  })

  test('when the first of two copies fails, the second is tried', async () => {
    const bytes = content(8, 700)
    await scene.write('a.jpg', bytes)
    await scene.write('b.jpg', bytes)
    scene.server.instead = (request, nth) =>
      request === 'POST /v1/uploads' && nth === 1 ? problem(415, 'unsupported_media', 'Not this one') : undefined
    const result = await scene.push({ concurrency: 1 })
    expect(result).toMatchObject({ stored: 1, duplicates: 0 })
    expect(result.failed).toHaveLength(1)
  })

  test('a receipt that says duplicate counts as one', async () => {
    await scene.write('a.jpg', content(9, 700))
    await scene.push()
    scene.server.instead = request =>
      request === 'POST /v1/sync/check'
        ? { status: 200, headers: { 'content-type': 'application/json' }, body: '{"missing":[],"here":[]}' }
        : undefined
    expect(await scene.push()).toMatchObject({ stored: 0, duplicates: 1 })
  })
})
