/**
 * The app's addresses and the moves between them. Each view has one, so that reload, back and a bookmark work:
 * `/` the grid, `/photo/<id>` one photo over it, `/sign-in?to=<path>`. Touches the browser's history.
 */
import { createStore, useWatched } from './store.js'

export type Route =
  | { readonly name: 'grid' }
  | { readonly name: 'photo'; readonly id: string }
  | { readonly name: 'sign-in'; readonly to: string }
  | { readonly name: 'nowhere' }

/** An id is letters and digits: nothing in it needs encoding. */
const photoPattern = /^\/photo\/([0-9a-z]+)$/

export const photoPath = (id: string): string => `/photo/${id}`

/** The way to sign in and then come back to `path`. */
export const signInPath = (path: string): string =>
  path === '/' ? '/sign-in' : `/sign-in?${new URLSearchParams({ to: path })}`

export function parseRoute(path: string): Route {
  const url = new URL(path, 'http://app.invalid')
  if (url.pathname === '/') return { name: 'grid' }
  if (url.pathname === '/sign-in') return { name: 'sign-in', to: ownPath(url.searchParams.get('to')) }
  const id = photoPattern.exec(url.pathname)?.[1]
  return id ? { name: 'photo', id } : { name: 'nowhere' }
}

/** Goes there. `replace`: in place of where one is now; what Back leads to stays as it was. */
export function navigate(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(history.state, '', path)
  else history.pushState({ below: location.pathname }, '', path)
  readLocation()
}

/** Back to the grid: one step back in history when that is where one came from, so that Back never reopens a photo. */
export function leavePhoto(): void {
  if ((history.state as { below?: string } | null)?.below === '/') history.back()
  else navigate('/', { replace: true })
}

export const useRoute = (): Route => useWatched(current)

/** Lets plain links to the app's own pages move within it. The server's paths (`/v1/`) and new tabs stay the browser's. */
export function followLinks(): void {
  addEventListener('popstate', readLocation)
  addEventListener('click', event => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.hash || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname.startsWith('/v1/')) return
    event.preventDefault()
    navigate(link.pathname + link.search)
  })
}

const current = createStore<Route>(globalThis.location ? parseRoute(location.href) : { name: 'nowhere' })

function readLocation(): void {
  current.set(parseRoute(location.href))
}

/** A page of this app, whatever a link's author put there: `//elsewhere` and the like become the grid. */
function ownPath(to: string | null): string {
  return to && photoPattern.test(to) ? to : '/'
}
