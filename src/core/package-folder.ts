/** The folder of package.json, whether this runs from src/ or, built, from dist/src/. */
import { fileURLToPath } from 'node:url'

const isBuilt = import.meta.url.includes('/dist/src/core/')

export const packageFolder = fileURLToPath(new URL(isBuilt ? '../../..' : '../..', import.meta.url))
