/** An error as the log keeps it: name, message, stack, code, causes. Its own fields stay out (Postgres: `detail`, with the row's values). */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as Error & { code?: unknown }
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(typeof code === 'string' && { code }),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
    // Of many only the first: they mostly say the same.
    ...(error instanceof AggregateError &&
      depth < 4 && { errors: error.errors.slice(0, 5).map(one => describeError(one, depth + 1)) }),
  }
}
