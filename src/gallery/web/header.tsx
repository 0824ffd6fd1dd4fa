/** The bar above the grid: whose photos, how many, and the way out. */
import { useState } from 'preact/hooks'
import type { Me } from './api.js'
import { AccountIcon } from './icons.js'
import { asProblem, type Library } from './library.js'
import { PlacesSwitch } from './places-switch.js'
import { countWords } from './wording.js'

export function Header({ library, me }: { library: Library; me: Me | undefined }) {
  return (
    <header class="header">
      <a class="brand" href="/">
        photosync
      </a>
      {me && (
        <p class="counts">
          {countWords(me.photos, 'photo')}
          {me.waiting > 0 && <span class="waiting">{me.waiting.toLocaleString('en')} being prepared</span>}
        </p>
      )}
      {me && <AccountMenu key={me.id} library={library} me={me} />}
    </header>
  )
}

/** A popover of the browser's own: it closes by Escape, by a click elsewhere, and gives the focus back. */
function AccountMenu({ library, me }: { library: Library; me: Me }) {
  const [trouble, setTrouble] = useState('')
  const [opened, setOpened] = useState(0)
  const leave = () => {
    setTrouble('')
    library.leave().catch(error => setTrouble(asProblem(error).message))
  }
  return (
    <>
      <button type="button" class="round" popovertarget="account" aria-label={`Account of ${me.email}`}>
        <AccountIcon />
      </button>
      <div
        id="account"
        class="account"
        popover="auto"
        onToggle={event => event.newState === 'open' && setOpened(opened + 1)}
      >
        <p class="email">{me.email}</p>
        <p class="soft">Photos kept in {me.region}</p>
        <PlacesSwitch library={library} opened={opened} />
        <button type="button" class="button" onClick={leave}>
          Sign out
        </button>
        {trouble && (
          <p class="error" role="alert">
            {trouble}
          </p>
        )}
      </div>
    </>
  )
}
