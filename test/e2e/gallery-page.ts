/**
 * A real browser on the gallery, for end-to-end tests: open, sign in by the demo's link, ask axe, take a picture.
 * Starts one Chromium process and ends it by `close`; it speaks to the tested address alone.
 */
import { AxeBuilder } from '@axe-core/playwright'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export interface OpenGalleryOptions {
  /** Default 'light'. */
  readonly colorScheme?: 'light' | 'dark'
  /** In CSS pixels; default 1280×800. */
  readonly viewport?: { readonly width: number; readonly height: number }
  /** A phone's input: touch events, no hover. Default false. */
  readonly touch?: boolean
  /** As somebody has it who asked their system for less motion. Default false. */
  readonly lessMotion?: boolean
}

export interface GalleryPage {
  readonly page: Page
  /** What the page complained of so far: errors of its scripts, and what its Content-Security-Policy refused. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

/** Loopback needs no GPU, no QUIC and nothing of what a browser fetches for itself. */
const chromiumArgs = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const patienceMs = 15_000

export async function openGallery(chromiumPath: string, options: OpenGalleryOptions = {}): Promise<GalleryPage> {
  const { colorScheme = 'light', viewport = { width: 1280, height: 800 }, touch = false, lessMotion = false } = options
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs, timeout: patienceMs })
  const contextOptions: BrowserContextOptions = {
    colorScheme,
    viewport,
    hasTouch: touch,
    locale: 'en-GB',
    reducedMotion: lessMotion ? 'reduce' : 'no-preference',
  }
  // axe opens a page of its own, which only a context made by hand allows.
  const context = await browser.newContext(contextOptions)
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
  })
  return { page, complaints, close: () => browser.close() }
}

/** Opens an address that signs its person in (`…/sign-in#link=…`), and waits for the grid or the empty library. */
export async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByRole('button', { name: /^Account of/ }).waitFor()
  await page.getByRole('main').getByRole('heading', { level: 2 }).first().waitFor()
}

/** What axe finds wrong with the page as it stands, one line per rule with the elements it names. Empty is right. */
export async function axeViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(node => node.target.join(' ')).join(', ')})`,
  )
}

/** A PNG of the window, once every picture in it that was asked for is there. */
export async function screenshot(page: Page, path: string): Promise<void> {
  await page.waitForFunction(() =>
    [...document.images].every(image => {
      const { top, bottom } = image.getBoundingClientRect()
      return bottom < 0 || top > innerHeight || image.complete
    }),
  )
  await page.screenshot({ path, animations: 'disabled' })
}
