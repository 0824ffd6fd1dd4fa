/**
 * What a source file reaches for, read from its syntax tree: every module it names, in whatever form, and whether it reads
 * the environment. Text in strings and comments doesn't count.
 */
import { parseSync } from 'vite'

export interface Import {
  /** As written: './photo.js', 'pg', 'node:fs'. undefined: computed at run time. */
  specifier: string | undefined
  line: number
  /** Gone after compiling: `import type`, `export type`, a type's `import('…')`. */
  typeOnly: boolean
}

export interface Reached {
  imports: Import[]
  /** Lines that read process.env. */
  environmentLines: number[]
}

/** `path` tells the language (ts, tsx). Throws for a file with a syntax error. */
export function readReached(path: string, source: string): Reached {
  const { program, errors } = parseSync(path, source)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors.map(({ message }) => message).join('; ')}`)
  const reached: Reached = { imports: [], environmentLines: [] }
  const lineOf = ({ start }: Node) => source.slice(0, start).split('\n').length
  visit(program as unknown as Node, node => {
    const found = importOf(node)
    if (found) reached.imports.push({ ...found, line: lineOf(node) })
    if (readsEnvironment(node)) reached.environmentLines.push(lineOf(node))
  })
  return reached
}

/** A node of an ESTree: https://github.com/estree/estree, with its TypeScript kinds. */
interface Node {
  type: string
  start: number
  [field: string]: unknown
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, see)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

function importOf(node: Node): Omit<Import, 'line'> | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: textOf(node.source), typeOnly: node.importKind === 'type' || allTypes(node.specifiers) }
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      if (!node.source) return undefined
      return { specifier: textOf(node.source), typeOnly: node.exportKind === 'type' || allTypes(node.specifiers) }
    case 'ImportExpression':
      return { specifier: textOf(node.source), typeOnly: false }
    case 'TSImportType':
      return { specifier: textOf(node.source), typeOnly: true }
    case 'TSExternalModuleReference':
      return { specifier: textOf(node.expression), typeOnly: false }
    case 'CallExpression':
      return isRequire(node) ? { specifier: textOf((node.arguments as unknown[])[0]), typeOnly: false } : undefined
    default:
      return undefined
  }
}

/** `require('x')`, `require.resolve('x')`, and the same of a function that createRequire just made. */
function isRequire({ callee }: Node): boolean {
  const of = isNode(callee) && callee.type === 'MemberExpression' ? callee.object : callee
  return isNamed(of, 'require') || (isNode(of) && of.type === 'CallExpression' && isNamed(of.callee, 'createRequire'))
}

function allTypes(specifiers: unknown): boolean {
  const list = (specifiers ?? []) as Node[]
  return list.length > 0 && list.every(({ importKind, exportKind }) => (importKind ?? exportKind) === 'type')
}

function readsEnvironment(node: Node): boolean {
  switch (node.type) {
    case 'MemberExpression':
      return isNamed(node.object, 'process') && (isNamed(node.property, 'env') || textOf(node.property) === 'env')
    case 'VariableDeclarator':
      return isNamed(node.init, 'process') && isNode(node.id) && node.id.type === 'ObjectPattern' && picksEnv(node.id)
    case 'ImportDeclaration':
      return /^(node:)?process$/.test(textOf(node.source) ?? '')
    default:
      return false
  }
}

function picksEnv(pattern: Node): boolean {
  return (pattern.properties as Node[]).some(({ type, key }) => type === 'RestElement' || isNamed(key, 'env'))
}

function isNamed(node: unknown, name: string): boolean {
  return isNode(node) && node.type === 'Identifier' && node.name === name
}

/** Of a string literal, or of a template without holes. */
function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type !== 'TemplateLiteral') return undefined
  const [piece, ...more] = node.quasis as { value: { cooked: string } }[]
  return more.length === 0 ? piece?.value.cooked : undefined
}
