/**
 * Builds the gallery's browser app into dist/gallery. The page runs under a strict Content-Security-Policy, so nothing is
 * inlined: no scripts, no styles, no data: assets. File names carry their content's hash and may be cached for ever.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('.'),
  base: '/',
  // Nothing is copied as it is: everything that is served goes through the build and gets a hash.
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: at('../../../dist/gallery'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
