/**
 * Goal: a person signs in with one click, sees their photos by date, looks at one, steps on, reads its details, downloads the
 * original, and signs out again; in a real browser, on a desktop and on a phone, in light and dark, without a violation of
 * accessibility rules or of the page's own policy. Makes the README's picture on the way.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrawnFile, drawGallery } from '../../fixtures/draw-gallery.js'
import { makeApi, push } from '../../src/client/index.js'
import { describeWith, useChromium } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { axeViolations, openGallery, screenshot, signIn } from './gallery-page.js'
import { type Person, type Service, startService } from './service.js'

const desktop = { width: 1280, height: 800 }
const phone = { width: 390, height: 844 }
/** Kept after the run, for people to look at. With PHOTOSYNC_UPDATE_PICTURE=1 the README's is made anew. */
const pictures = '.artifacts/screenshots'

describeWith('chromium', 'the gallery in a browser', () => {
  let service: Service
  let person: Person
  let dir: string
  let drawn: DrawnFile[]
  const address = () => `${service.server}/sign-in#link=${person.signInLink}`

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'photosync-gallery-'))
    ;[service, drawn] = await Promise.all([
      startService('Postgres and a disk'),
      drawGallery(dir, { megapixels: 3 }),
      mkdir(pictures, { recursive: true }),
    ])
    person = await service.addPerson()
    const server = { server: service.server, token: person.token }
    await push({ ...server, dirs: [dir] })
    await waitUntil(async () => (await makeApi(server).me()).waiting === 0, {
      deadlineMs: 60_000,
      what: 'the thumbnails',
    })
  })
  afterAll(async () => {
    await service?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries({ desktop, phone })) {
      test(`${colorScheme}, on a ${size}: signs in, shows and looks`, async () => {
        const gallery = await openGallery(useChromium(), { colorScheme, viewport, touch: size === 'phone' })
        const { page } = gallery
        try {
          await page.goto(`${service.server}/`)
          await page.getByRole('button', { name: 'Sign in' }).waitFor()
          expect(await axeViolations(page)).toEqual([])
          await signIn(page, address())
          expect(page.url()).toBe(`${service.server}/`)
          expect(await axeViolations(page)).toEqual([])
          await screenshot(page, join(pictures, `gallery-${size}-${colorScheme}.png`))
          if (process.env.PHOTOSYNC_UPDATE_PICTURE && size === 'desktop' && colorScheme === 'light') {
            await screenshot(page, 'fixtures/gallery.png')
          }

          await page.locator('a[data-state=ready]').first().click()
          await page.locator('dialog[open] img').first().waitFor()
          const first = page.url()
          await page.keyboard.press('ArrowRight')
          await expect.poll(() => page.url()).not.toBe(first)
          await page.getByRole('button', { name: 'Previous photo' }).click()
          await expect.poll(() => page.url()).toBe(first)
          expect(await axeViolations(page)).toEqual([])
          await screenshot(page, join(pictures, `viewer-${size}-${colorScheme}.png`))
          await page.keyboard.press('Escape')
          await expect.poll(() => page.url()).toBe(`${service.server}/`)
          expect(gallery.complaints).toEqual([])
        } finally {
          await gallery.close()
        }
      })
    }
  }

  test('details tell what the file says, and the download is the original', async () => {
    const gallery = await openGallery(useChromium(), { viewport: desktop })
    const { page } = gallery
    try {
      await signIn(page, address())
      const file = drawn.find(
        ({ orientation, copyOf, path }) => orientation === 6 && !copyOf && path.endsWith('.jpg'),
      ) as DrawnFile
      const [row] = await service.db.query<{ id: string }>('select id from photos where sha256 = $1', [
        Buffer.from(file.sha256, 'hex'),
      ])
      await page.goto(`${service.server}/photo/${row?.id}`)
      const details = page.getByRole('button', { name: 'Details' })
      if ((await details.getAttribute('aria-expanded')) !== 'true') await details.click()
      await page
        .getByText(file.path.split('/').at(-1) as string)
        .first()
        .waitFor()
      await screenshot(page, join(pictures, 'details.png'))
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download the original' }).click(),
      ])
      const bytes = await readFile(await download.path())
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256)
      expect(download.suggestedFilename()).toBe(file.path.split('/').at(-1))
    } finally {
      await gallery.close()
    }
  })

  test('an unreadable file is shown as such, with its reason', async () => {
    const gallery = await openGallery(useChromium(), { viewport: desktop })
    const { page } = gallery
    try {
      await signIn(page, address())
      const [row] = await service.db.query<{ id: string; reason: string }>(
        `select id, reason from photos where state = 'unreadable'`,
      )
      await page.goto(`${service.server}/photo/${row?.id}`)
      await page
        .getByText(row?.reason ?? '')
        .first()
        .waitFor()
      await page.getByRole('link', { name: 'Download the original' }).first().waitFor()
    } finally {
      await gallery.close()
    }
  })

  test('a wrong password is refused in words, a right one opens the gallery, and signing out closes it', async () => {
    const gallery = await openGallery(useChromium(), { viewport: desktop })
    const { page } = gallery
    try {
      await page.goto(`${service.server}/`)
      await page.getByLabel('E-mail').fill(person.email)
      await page.getByLabel('Password').fill('not the password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').waitFor()
      await page.getByLabel('Password').fill(person.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.locator('a[data-state=ready]').first().waitFor()
      await page.getByRole('button', { name: `Account of ${person.email}` }).click()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect((await page.request.get(`${service.server}/v1/me`)).status()).toBe(401)
    } finally {
      await gallery.close()
    }
  })
})
