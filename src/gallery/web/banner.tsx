/** Something doesn't work right now; what is on the page stays, and one may try again at once. */
import { useState } from 'preact/hooks'

interface BannerProps {
  readonly message: string
  readonly onRetry: () => Promise<void>
}

export function Banner({ message, onRetry }: BannerProps) {
  const [busy, setBusy] = useState(false)
  const retry = () => {
    setBusy(true)
    void onRetry().finally(() => setBusy(false))
  }
  return (
    <div class="banner" role="alert">
      <p>{message}</p>
      <button type="button" class="button" aria-disabled={busy} onClick={busy ? undefined : retry}>
        {busy ? 'Trying…' : 'Try again'}
      </button>
    </div>
  )
}
