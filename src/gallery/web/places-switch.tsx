/** Whether places are kept: asked each time the menu opens, since it may have been settled elsewhere. */
import { useEffect, useState } from 'preact/hooks'
import { asProblem, type Library } from './library.js'

interface PlacesSwitchProps {
  readonly library: Library
  /** How often the menu was opened; 0 while it never was. */
  readonly opened: number
}

export function PlacesSwitch({ library, opened }: PlacesSwitchProps) {
  /** Undefined until known. */
  const [keeps, setKeeps] = useState<boolean>()
  const [busy, setBusy] = useState(false)
  const [said, setSaid] = useState('')
  const [trouble, setTrouble] = useState('')

  useEffect(() => {
    if (opened === 0) return
    setSaid('')
    setTrouble('')
    library.keepsPlaces().then(setKeeps, error => setTrouble(asProblem(error).message))
  }, [library, opened])

  const turn = async (keep: boolean) => {
    setKeeps(keep)
    setBusy(true)
    setTrouble('')
    setSaid(keep ? 'Turning on…' : 'Removing the places…')
    try {
      setKeeps(await library.keepPlaces(keep))
      setSaid(keep ? 'Places are being read from your photos.' : 'All places are removed.')
    } catch (error) {
      setKeeps(!keep)
      setSaid('')
      setTrouble(asProblem(error).message)
    } finally {
      setBusy(false)
    }
  }

  return (
    <div class="setting">
      <label class="switch">
        <input
          type="checkbox"
          // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox says itself whether it is checked.
          role="switch"
          checked={keeps ?? false}
          disabled={keeps === undefined}
          aria-busy={busy}
          aria-describedby="places-hint"
          onChange={event => {
            // Disabled in the meantime, it would lose the focus.
            if (busy) event.currentTarget.checked = keeps ?? false
            else void turn(event.currentTarget.checked)
          }}
        />
        <span>Keep the places where my photos were taken</span>
      </label>
      <p id="places-hint" class="soft">
        They are read from your files and shown in a photo’s details. Turned off, they are removed here at once; your
        files themselves stay as you sent them.
      </p>
      <p class="said" role="status">
        {said}
      </p>
      {trouble && (
        <p class="error" role="alert">
          {trouble}
        </p>
      )}
    </div>
  )
}
