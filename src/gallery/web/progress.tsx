/** Says once, to those who don't see the page change, that photos are being prepared and that they are ready. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Me } from './api.js'

export function Progress({ me }: { me: Me | undefined }) {
  const [words, setWords] = useState('')
  const waitedBefore = useRef(false)
  const waits = (me?.waiting ?? 0) > 0
  useEffect(() => {
    if (!me || waits === waitedBefore.current) return
    waitedBefore.current = waits
    setWords(waits ? 'Some photos are being prepared.' : 'All photos are ready.')
  }, [me, waits])
  return (
    <p class="unseen" role="status">
      {words}
    </p>
  )
}
