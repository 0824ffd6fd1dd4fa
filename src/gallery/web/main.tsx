/** The gallery's browser app starts here. */
import { render } from 'preact'
import { App } from './app.js'
import { createLibrary } from './library.js'
import { followLinks } from './router.js'

followLinks()
const root = document.getElementById('app')
if (root) render(<App library={createLibrary()} />, root)
