/** The details of a photo for a component, asked again when its state moves on. */
import { useEffect, useState } from 'preact/hooks'
import type { PhotoState } from '../../core/photo-state.js'
import type { PhotoDetails, Problem } from './api.js'
import { asProblem, type Library } from './library.js'

export interface DetailsSoFar {
  readonly details?: PhotoDetails
  readonly trouble?: Problem
  readonly retry: () => void
}

/** `state`: the photo's state as the timeline has it, when it is known there. */
export function useDetails(library: Library, id: string, state: PhotoState | undefined): DetailsSoFar {
  const [answer, setAnswer] = useState<{ id: string; details?: PhotoDetails; trouble?: Problem }>({ id })
  const [attempt, setAttempt] = useState(0)

  useEffect(() => {
    let wanted = true
    library.details(id).then(
      details => wanted && setAnswer({ id, details }),
      error => wanted && setAnswer({ id, trouble: asProblem(error) }),
    )
    return () => {
      wanted = false
    }
  }, [library, id, state, attempt])

  // What was asked about another photo says nothing about this one.
  const { details, trouble } = answer.id === id ? answer : {}
  return { ...(details && { details }), ...(trouble && { trouble }), retry: () => setAttempt(attempt + 1) }
}
