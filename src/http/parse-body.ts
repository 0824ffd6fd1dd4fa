/** Input from outside, checked by a zod schema; a mistake is told by field and in plain words, and never repeats what was sent. */
import type { z } from 'zod'
import { AppError } from '../core/errors.js'

/** The body as the schema makes it; rejects with `invalid`. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('invalid', 'Send a JSON object, with Content-Type: application/json')
  }
  return parse(schema, body)
}

/** The query's parameters as the schema makes them; rejects with `invalid`. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  return parse(schema, query)
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  // More than a few would be a list that nobody reads.
  const sentences = parsed.error.issues.slice(0, 3).map(issue => `${fieldName(issue.path)} ${inWords(issue, input)}`)
  throw new AppError('invalid', sentences.join('; '))
}

function fieldName(path: readonly PropertyKey[]): string {
  const name = path.map(key => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  return name.replace(/^\./, '') || 'The input'
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
}

function inWords(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.code === 'invalid_type') {
    if (valueAt(input, issue.path) === undefined) return 'is missing'
    return `must be ${typeWords[issue.expected] ?? issue.expected}`
  }
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    const [bound, limit] = issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum]
    const unit = { string: ' characters', array: ' entries' }[issue.origin as string] ?? ''
    return unit ? `must have ${bound} ${limit}${unit}` : `must be ${bound} ${limit}`
  }
  if (issue.code === 'unrecognized_keys') return 'has a field that is not known here'
  // Schemas say in their own words what a format or a refinement is about.
  return issue.message
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input)
}
