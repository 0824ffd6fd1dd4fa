/**
 * Goal: whatever a photo is (a video with or without a picture, one with a moving half, an animation, one in quarantine), the
 * gallery says so in the grid, plays what moves and stands still for whoever wants that; and its owner decides over places. In
 * a real browser, against the real API; the rows are as the workers leave them, the video is recorded by the browser itself.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith, useChromium } from '../support/services.js'
import { type Kind, type KindsScene, kinds, startKinds } from './gallery-kinds-scene.js'
import { axeViolations, type OpenGalleryOptions, openGallery, screenshot, signIn } from './gallery-page.js'

const pictures = '.artifacts/screenshots'
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

describeWith('chromium', 'photos of every kind in a browser', () => {
  let scene: KindsScene
  beforeAll(async () => {
    scene = await startKinds(useChromium())
    await mkdir(pictures, { recursive: true })
  })
  afterAll(() => scene?.here.close())

  const addressOf = (kind: Kind) => `${scene.here.url}/photo/${scene.ids[kind]}`

  /** Signed in, on the photo when one is named. Ends with a page that complained of nothing. */
  async function look(
    kind: Kind | undefined,
    work: (page: Page) => Promise<void>,
    options: OpenGalleryOptions = {},
  ): Promise<void> {
    const gallery = await openGallery(useChromium(), options)
    try {
      await signIn(gallery.page, scene.signInUrl)
      if (kind) await gallery.page.goto(addressOf(kind))
      await work(gallery.page)
      expect(gallery.complaints).toEqual([])
    } finally {
      await gallery.close()
    }
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(sizes)) {
      test(`${colorScheme}, on a ${size}: every tile says what it is, and none of them moves`, async () => {
        const check = async (page: Page) => {
          await page.addInitScript(countShifts)
          await page.reload()
          await page.locator(`#photo-${scene.ids.plain} img`).waitFor()
          expect(await axeViolations(page)).toEqual([])
          const name = (what: string) => page.getByRole('link', { name: what })
          await name('film.webm, 19 June 2025 Video, 1 minute 5 seconds').waitFor()
          await name('bare film.webm No preview picture Video, 12 seconds').waitFor()
          await name('dance.gif, 13 June 2025 GIF').waitFor()
          expect(await page.getByRole('link', { name: /2025 LIVE$/ }).count()).toBe(2)
          await name('odd.jpg Opening this file failed twice').waitFor()
          await name('cut.jpg This file is cut off').waitFor()
          expect(await page.locator('.tile').count(), 'the moving half has none').toBe(kinds.length - 1)
          await screenshot(page, join(pictures, `kinds-${size}-${colorScheme}.png`))
          expect(await page.evaluate(() => (globalThis as { shifts?: number }).shifts)).toBe(0)
        }
        await look(undefined, check, { colorScheme, viewport, touch: size === 'phone' })
      })

      test(`${colorScheme}, on a ${size}: each is shown in its way`, async () => {
        const check = async (page: Page) => {
          for (const kind of ['film', 'live', 'animation', 'quarantined', 'odd film'] as const) {
            await page.goto(addressOf(kind))
            await page.locator('.stage').locator('video, img, .message').first().waitFor()
            expect(await axeViolations(page), kind).toEqual([])
            await screenshot(page, join(pictures, `${kind.replace(' ', '-')}-${size}-${colorScheme}.png`))
          }
        }
        await look(undefined, check, { colorScheme, viewport, touch: size === 'phone', lessMotion: true })
      })
    }
  }

  test('a video plays from parts of its original; the arrows are its own while it has the focus', async () => {
    await look('film', async page => {
      const player = page.locator('video')
      const part = page.waitForResponse(response => response.url().endsWith('/original'))
      await page.reload()
      expect((await part).status()).toBe(206)
      await play(player)
      await player.focus()
      await page.keyboard.press('ArrowRight')
      expect(page.url()).toBe(addressOf('film'))
      await page.getByRole('button', { name: 'Close' }).focus()
      await page.keyboard.press('ArrowRight')
      await expect.poll(() => page.url()).toBe(addressOf('bare film'))
      await play(player)
      await page.keyboard.press('i')
      await page.getByText('No preview picture could be made of this video').waitFor()
      await page.getByRole('definition').getByText('12 seconds').waitFor()
    })
  })

  test('a video that the browser does not know is a download', async () => {
    await look('odd film', async page => {
      await page.getByText("This video can't be played here").waitFor()
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.getByText("This video can't be played here").waitFor()
      const link = page.getByRole('alert').getByRole('link', { name: 'Download the original' })
      expect(await downloaded(page, link)).toEqual({ name: 'odd.mkv', text: 'no video at all' })
    })
  })

  test.each(['motion', 'live'] as const)(
    'a picture with a moving half (%s) plays it and is still again',
    async kind => {
      await look(kind, async page => {
        const still = page.locator('.stage img').last()
        await still.waitFor()
        const button = page.getByRole('button', { name: 'LIVE Play the moving part' })
        await button.focus()
        await page.keyboard.press('Enter')
        await still.waitFor({ state: 'hidden' })
        expect(await page.locator('video').evaluate(player => (player as HTMLVideoElement).currentSrc)).toMatch(
          /\/motion$/,
        )
        await still.waitFor({ state: 'visible' })
        expect(await page.locator('video').count()).toBe(0)

        await button.hover()
        await still.waitFor({ state: 'hidden' })
        await page.mouse.move(5, 400)
        await still.waitFor({ state: 'visible' })
        expect(page.url()).toBe(addressOf(kind))
      })
    },
  )

  test('an animation moves, and can be stopped', async () => {
    await look('animation', async page => {
      await page.locator('img[src*="animated.webp"]').waitFor()
      await page.getByRole('button', { name: 'Stop the animation' }).click()
      await page.locator('.stage img[src*="1440.jpg"]').waitFor()
      await page.keyboard.press('Enter')
      await page.locator('img[src*="animated.webp"]').waitFor()
    })
  })

  test('for whoever wants less motion it waits to be started, and pointing plays nothing', async () => {
    const check = async (page: Page) => {
      await page.locator('.stage img[src*="1440.jpg"]').waitFor()
      expect(await page.locator('img[src*="animated.webp"]').count()).toBe(0)
      await page.getByRole('button', { name: 'Play the animation' }).click()
      await page.locator('img[src*="animated.webp"]').waitFor()
      await page.goto(addressOf('live'))
      const button = page.getByRole('button', { name: 'LIVE' })
      await button.hover()
      expect(await page.locator('video').count()).toBe(0)
      await button.click()
      await page.locator('video').waitFor({ state: 'attached' })
    }
    await look('animation', check, { lessMotion: true })
  })

  test('one in quarantine says why, and its original can be had', async () => {
    await look('quarantined', async page => {
      await page.locator('dialog').getByText('Opening this file failed twice').waitFor()
      const link = page.locator('.message').getByRole('link', { name: 'Download the original' })
      expect(await downloaded(page, link)).toEqual({ name: 'odd.jpg', text: 'kept as it came' })
    })
  })

  test('what the owner wrote of a photo is among its details', async () => {
    await look('plain', async page => {
      await page.getByRole('button', { name: 'Details' }).click()
      await page.getByText('4 of 5 stars').waitFor()
      expect(await page.locator('.description').innerText()).toBe('At the sea,\nin June')
      expect(await axeViolations(page)).toEqual([])
      await screenshot(page, join(pictures, 'details-written.png'))
    })
  })

  test('places are kept and removed by a switch, with the keyboard alone', async () => {
    const { here, ana, ids } = scene
    await here.ask('PUT', '/v1/consents/places', { token: ana.token, json: { granted: true } })
    for (const colorScheme of ['light', 'dark'] as const) {
      const check = async (page: Page) => {
        await page.getByRole('button', { name: /^Account of/ }).focus()
        await page.keyboard.press('Enter')
        const choice = page.getByRole('switch', { name: 'Keep the places where my photos were taken' })
        await expect.poll(() => choice.isChecked()).toBe(true)
        await page.keyboard.press('Tab')
        expect(await choice.evaluate(element => element === document.activeElement)).toBe(true)
        await page.keyboard.press('Space')
        await page.getByRole('status').getByText('All places are removed.').waitFor()
        const [row] = await here.db.query('select latitude, longitude from photos where id = $1', [ids.plain])
        expect(row).toEqual({ latitude: null, longitude: null })
        expect(await axeViolations(page)).toEqual([])
        await screenshot(page, join(pictures, `places-${colorScheme}.png`))
        await page.keyboard.press('Space')
        await page.getByRole('status').getByText('Places are being read from your photos.').waitFor()
        expect(await choice.isChecked()).toBe(true)
      }
      await look(undefined, check, { colorScheme })
    }
  })
})

async function play(player: Locator): Promise<void> {
  await player.evaluate(element => (element as HTMLVideoElement).play())
  const seconds = () => player.evaluate(element => (element as HTMLVideoElement).currentTime)
  await expect.poll(seconds).toBeGreaterThan(0)
}

async function downloaded(page: Page, link: Locator): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') }
}

/** Runs in the page, from its beginning: adds up what moves on it without anybody's doing. */
function countShifts(): void {
  const page = globalThis as { shifts?: number }
  page.shifts = 0
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      page.shifts = (page.shifts ?? 0) + (entry as unknown as { value: number }).value
  }).observe({ type: 'layout-shift', buffered: true })
}
