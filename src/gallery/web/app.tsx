/** Which view stands where: sign-in, or the library with the grid and, over it, one photo. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Banner } from './banner.js'
import { EmptyLibrary } from './empty-library.js'
import { Grid } from './grid.js'
import { Header } from './header.js'
import type { Library, Snapshot } from './library.js'
import { Progress } from './progress.js'
import { useRefreshing } from './refreshing.js'
import { navigate, type Route, signInPath, useRoute } from './router.js'
import { SignIn } from './sign-in.js'
import { useWatched } from './store.js'
import { Viewer } from './viewer.js'

export function App({ library }: { library: Library }) {
  const route = useRoute()
  const snapshot = useWatched(library)
  const inLibrary = route.name === 'grid' || route.name === 'photo'
  useRefreshing(library, snapshot, inLibrary)

  useEffect(() => {
    if (snapshot.phase === 'signed-out' && inLibrary) {
      navigate(signInPath(location.pathname), { replace: true })
    }
  }, [snapshot, inLibrary])

  if (route.name === 'sign-in') return <SignIn library={library} to={route.to} expired={snapshot.expired ?? false} />
  if (route.name === 'nowhere') return <Nowhere />
  if (snapshot.phase === 'signed-out') return null
  return <LibraryPage library={library} snapshot={snapshot} route={route} />
}

interface LibraryPageProps {
  readonly library: Library
  readonly snapshot: Snapshot
  readonly route: Route
}

function LibraryPage({ library, snapshot, route }: LibraryPageProps) {
  const [focusId, setFocusId] = useState<string>()
  const viewed = route.name === 'photo' ? route.id : undefined
  const viewedBefore = useRef<string | undefined>(undefined)

  // When a photo is left, the keyboard stands on it in the grid.
  useEffect(() => {
    if (viewedBefore.current && !viewed) setFocusId(viewedBefore.current)
    viewedBefore.current = viewed
    if (!viewed) document.title = 'photosync'
  }, [viewed])

  return (
    <>
      <a class="skip" href="#photos">
        Skip to the photos
      </a>
      <Header library={library} me={snapshot.me} />
      {snapshot.trouble && <Banner message={snapshot.trouble.message} onRetry={library.refresh} />}
      <Progress me={snapshot.me} />
      <main id="photos" tabIndex={-1}>
        <h1 class="unseen">Your photos</h1>
        {snapshot.phase === 'starting' && !snapshot.trouble && (
          <p class="note" role="status">
            Loading your photos…
          </p>
        )}
        {snapshot.phase === 'ready' && snapshot.sections.length === 0 && <EmptyLibrary email={snapshot.me?.email} />}
        {snapshot.sections.length > 0 && (
          <Grid
            library={library}
            sections={snapshot.sections}
            focusId={focusId}
            onFocused={() => setFocusId(undefined)}
          />
        )}
      </main>
      {viewed && <Viewer id={viewed} library={library} sections={snapshot.sections} />}
    </>
  )
}

function Nowhere() {
  return (
    <main class="card">
      <h1>There is nothing here</h1>
      <p>The address doesn't lead to a page of this gallery.</p>
      <p>
        <a href="/">To your photos</a>
      </p>
    </main>
  )
}
