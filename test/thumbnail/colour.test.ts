/** Goal: a photo's colours are right in its renditions, whichever way its profile goes. */
import { describe, expect, test } from 'vitest'
import { profileUse } from '../../workers/thumbnail/picture/colour.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { sharp } from '../../workers/thumbnail/picture/sharp.js'
import { draw } from './drawing.js'

/** A drawing that every gamut holds, so that only a mix-up of profiles changes it. */
const muted = () => draw(64, 48).modulate({ saturation: 0.5 })

const originals = {
  'no profile': () => muted().jpeg({ quality: 95 }),
  sRGB: () => muted().withIccProfile('srgb').jpeg({ quality: 95 }),
  'Display P3': () => muted().withIccProfile('p3').jpeg({ quality: 95 }),
  'Display P3 in WebP': () => muted().withIccProfile('p3').webp({ quality: 95 }),
  'Display P3 in 16 bits': () => muted().toColourspace('rgb16').withIccProfile('p3').png(),
  CMYK: () => muted().toColourspace('cmyk').withIccProfile('cmyk').jpeg({ quality: 95 }),
  'CMYK without a profile': () => muted().toColourspace('cmyk').jpeg({ quality: 95 }),
}

describe.each(Object.entries(originals))('%s', (name, make) => {
  test('looks as the original does', async () => {
    const original = await make().toBuffer()
    // Ink can't show what a screen can, so there the original's own conversion is the measure.
    const expected = await asScreenShows(name.startsWith('CMYK') ? original : await muted().png().toBuffer())
    for (const { bytes } of (await developPicture(original, { now: new Date() })).renditions) {
      expect(meanDifference(await asScreenShows(bytes), expected)).toBeLessThan(5)
      const { icc } = await sharp(bytes).metadata()
      expect(icc !== undefined).toBe(name.startsWith('Display P3'))
    }
  })
})

test('a profile is kept whole, with odd sizes and with transparency', async () => {
  const original = await draw(51, 37).ensureAlpha(0.5).withIccProfile('p3').png().toBuffer()
  const { icc } = await sharp(original).metadata()
  expect(icc?.length).toBeGreaterThan(100)
  const [jpeg, webp] = (await developPicture(original, { now: new Date() })).renditions
  expect(await sharp(jpeg?.bytes).metadata()).toMatchObject({ format: 'jpeg', width: 51, height: 37, icc })
  const seen = await sharp(webp?.bytes).metadata()
  expect(seen).toMatchObject({ format: 'webp', width: 51, height: 37, hasAlpha: true, icc })
  const [alpha] = await sharp(webp?.bytes).extractChannel('alpha').raw().toBuffer()
  expect(alpha).toBe(127)
})

test('what is done with which profile', () => {
  const profile = (space: string, size: number) =>
    Buffer.concat([Buffer.alloc(16), Buffer.from(space), Buffer.alloc(size - 20)])
  expect(profileUse({ space: 'srgb' })).toBe('plain')
  expect(profileUse({ space: 'cmyk' })).toBe('convert')
  expect(profileUse({ space: 'srgb', icc: profile('RGB ', 600) })).toBe('keep')
  expect(profileUse({ space: 'rgb16', icc: profile('RGB ', 600) })).toBe('keep')
  expect(profileUse({ space: 'srgb', icc: profile('RGB ', 600_000) })).toBe('convert')
  expect(profileUse({ space: 'b-w', icc: profile('GRAY', 600) })).toBe('convert')
  expect(profileUse({ space: 'srgb', icc: profile('GRAY', 600) })).toBe('convert')
  expect(profileUse({ space: 'srgb', icc: Buffer.from('x') })).toBe('convert')
})

function asScreenShows(bytes: Buffer): Promise<Buffer> {
  return sharp(bytes).toColourspace('srgb').raw().toBuffer()
}

function meanDifference(a: Buffer, b: Buffer): number {
  expect(a.length).toBe(b.length)
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length
}
