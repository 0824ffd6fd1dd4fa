/**
 * Signing in, by e-mail and password or by a link (`/sign-in#link=<token>`): a fragment never reaches a server's log, and
 * it is taken out of the address before anything else happens.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { signIn, signInByLink } from './api.js'
import { asProblem, type Library } from './library.js'
import { navigate } from './router.js'

interface SignInProps {
  readonly library: Library
  /** Where to go afterwards: a path of this app. */
  readonly to: string
  readonly expired: boolean
}

export function SignIn({ library, to, expired }: SignInProps) {
  const [trouble, setTrouble] = useState('')
  const [busy, setBusy] = useState(false)

  const enter = async (ask: () => Promise<unknown>) => {
    setBusy(true)
    setTrouble('')
    try {
      await ask()
      await library.refresh()
      navigate(to, { replace: true })
    } catch (error) {
      setTrouble(asProblem(error).message)
      setBusy(false)
    }
  }

  useEffect(() => {
    document.title = 'Sign in · photosync'
    const follow = () => {
      const link = takeLink()
      if (link) void enter(() => signInByLink(link))
    }
    follow()
    // A link opened where this page is open already changes the fragment and loads nothing.
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])

  return (
    <main class="card">
      <p class="brand">photosync</p>
      <h1>Sign in to your photos</h1>
      {expired && !trouble && <p role="status">Your session has ended. Sign in to go on where you were.</p>}
      <SignInForm busy={busy} trouble={trouble} onSubmit={(email, password) => enter(() => signIn(email, password))} />
    </main>
  )
}

interface SignInFormProps {
  readonly busy: boolean
  readonly trouble: string
  readonly onSubmit: (email: string, password: string) => Promise<void>
}

function SignInForm({ busy, trouble, onSubmit }: SignInFormProps) {
  const form = useRef<HTMLFormElement>(null)
  const [missing, setMissing] = useState<'email' | 'password'>()

  const submit = (event: Event) => {
    event.preventDefault()
    if (!form.current || busy) return
    const fields = new FormData(form.current)
    const email = String(fields.get('email')).trim()
    const password = String(fields.get('password'))
    const lacks = !email ? 'email' : !password ? 'password' : undefined
    setMissing(lacks)
    if (lacks) return field(form.current, lacks)?.focus()
    void onSubmit(email, password)
  }

  // After a refusal the password is what one types again.
  useEffect(() => {
    if (trouble && form.current) field(form.current, 'password')?.select()
  }, [trouble])

  const error = missing === 'email' ? 'Enter your e-mail address.' : missing ? 'Enter your password.' : trouble
  return (
    <form ref={form} noValidate onSubmit={submit} aria-busy={busy}>
      <label>
        <span>E-mail address</span>
        <input
          type="email"
          name="email"
          autocomplete="username"
          required
          aria-invalid={missing === 'email'}
          aria-describedby={missing === 'email' ? 'sign-in-error' : undefined}
        />
      </label>
      <label>
        <span>Password</span>
        <input
          type="password"
          name="password"
          autocomplete="current-password"
          required
          aria-invalid={missing === 'password'}
          aria-describedby={missing === 'password' ? 'sign-in-error' : undefined}
        />
      </label>
      <p id="sign-in-error" class="error" role="alert">
        {error}
      </p>
      <button type="submit" class="button main" aria-disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
    </form>
  )
}

const field = (form: HTMLFormElement, name: string) => form.querySelector<HTMLInputElement>(`[name=${name}]`)

/** The link's token, which leaves the address with this. */
function takeLink(): string | null {
  const link = new URLSearchParams(location.hash.slice(1)).get('link')
  if (link) history.replaceState(history.state, '', location.pathname + location.search)
  return link
}
