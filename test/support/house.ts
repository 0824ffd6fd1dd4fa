/** Walks a tree of the project's shape and says where it breaks the rules of house-rules.ts, each with the rule's reason. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import {
  computedImports,
  coreImports,
  environmentFile,
  frontRoom,
  isFront,
  linesMax,
  residences,
  rooms,
  topLevel,
  typeOnlyUses,
  whyCore,
  whyEnvironment,
  whyFronts,
  wordings,
} from './house-rules.js'
import { type Import, type Reached, readReached } from './imports.js'

export interface SourceFile extends Reached {
  /** From the root, with '/'. */
  path: string
  room: string
}

export interface House {
  root: string
  /** Every file of the project, sources or not, from the root. */
  files: string[]
  /** Those in src and workers. */
  sources: SourceFile[]
}

export function readHouse(root: string): House {
  const files = listFiles(root)
  const sources = files
    .filter(path => /^(src|workers)\/.*\.tsx?$/.test(path))
    .map(path => ({ path, room: roomOf(path) ?? '', ...readReached(path, readText(root, path) ?? '') }))
  return { root, files, sources }
}

/** Tracked files and new ones, not ignored ones; everything when this is no checkout (an unpacked archive). */
function listFiles(root: string): string[] {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    // An unpacked archive may lie inside somebody's checkout, which then knows nothing of it.
    if (git('rev-parse', '--show-cdup').trim() === '') {
      const listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard')
      const present = new Set(walk(root, ''))
      return listed.split('\0').filter(path => present.has(path))
    }
  } catch {
    // No git here, or no checkout of our own.
  }
  return walk(root, '')
}

function walk(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = posix.join(folder, entry.name)
    if (!entry.isDirectory()) return [path]
    return /^(node_modules|dist|\.git|\.artifacts)$/.test(path) ? [] : walk(root, path)
  })
}

/** undefined for what is no text. */
function readText(root: string, path: string): string | undefined {
  const bytes = readFileSync(join(root, path.replaceAll('/', sep)))
  return bytes.includes(0) ? undefined : bytes.toString()
}

function roomOf(path: string): string | undefined {
  const inside = Object.entries(rooms).filter(([, room]) => path === room.path || path.startsWith(`${room.path}/`))
  return inside.sort(([, a], [, b]) => b.path.length - a.path.length)[0]?.[0]
}

const at = ({ path }: SourceFile, { line }: { line: number }) => `${path}:${line}`

/** The file that a relative specifier means, from the root. */
function targetOf(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

type Relative = Import & { specifier: string }
const relativeImports = ({ imports }: SourceFile) =>
  imports.filter((found): found is Relative => found.specifier?.startsWith('.') ?? false)

/** Files outside every room, and imports between rooms that don't know each other. */
export function roomBreaches({ sources }: House): string[] {
  return sources.flatMap(file => {
    const room = rooms[file.room]
    if (!room)
      return [`${file.path} is in no room. Put it into one, or name the new room in test/support/house-rules.ts`]
    return relativeImports(file).flatMap(found => {
      const target = targetOf(file.path, found.specifier)
      const other = roomOf(target)
      if (other === file.room) return []
      if (other === undefined) return [`${at(file, found)} imports ${target}, which is in no room: ${room.why}`]
      if (room.uses.includes(other)) return []
      if (found.typeOnly && `${file.room} → ${other}` in typeOnlyUses) return []
      if (other !== frontRoom) return [`${at(file, found)} imports ${target}: ${room.why}`]
      return isFront(file.path) ? [] : [`${at(file, found)} imports ${target}: ${whyFronts}`]
    })
  })
}

/** Packages that are imported outside the room they live in; and I/O in core. */
export function packageBreaches({ sources }: House): string[] {
  return sources.flatMap(file =>
    file.imports.flatMap(found => {
      const { specifier } = found
      if (specifier === undefined && file.path in computedImports) return []
      if (specifier === undefined)
        return [`${at(file, found)} imports what only shows at run time, so no rule can hold it`]
      if (specifier.startsWith('.')) return []
      if (file.room === 'core' && !coreImports.includes(specifier)) {
        return [`${at(file, found)} imports ${specifier}: ${whyCore}`]
      }
      const strays = residences.filter(({ packages, lives }) => packages.test(specifier) && !lives.test(file.path))
      return strays.map(({ why }) => `${at(file, found)} imports ${specifier}: ${why}`)
    }),
  )
}

export function environmentBreaches({ sources }: House): string[] {
  return sources
    .filter(({ path }) => path !== environmentFile)
    .flatMap(({ path, environmentLines }) => environmentLines.map(line => `${path}:${line}: ${whyEnvironment}`))
}

/** Rooms, and files, that reach themselves again: neither could then be understood, tested or replaced alone. */
export function cycles({ sources }: House): string[] {
  const between = new Map<string, Set<string>>()
  const files = new Map<string, Set<string>>()
  for (const file of sources) {
    for (const { specifier, typeOnly } of relativeImports(file)) {
      const target = targetOf(file.path, specifier)
      if (!typeOnly) files.set(file.path, (files.get(file.path) ?? new Set()).add(target))
      const other = roomOf(target)
      if (other === undefined || other === file.room) continue
      if (typeOnly && `${file.room} → ${other}` in typeOnlyUses) continue
      between.set(file.room, (between.get(file.room) ?? new Set()).add(other))
    }
  }
  return [between, files].flatMap(graph => {
    const cycle = findCycle(graph)
    return cycle ? [`${cycle.join(' → ')}: each could not be tested or replaced without the other`] : []
  })
}

function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>()
  const search = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name]
    if (done.has(name)) return undefined
    for (const next of graph.get(name) ?? []) {
      const found = search(next, [...path, name])
      if (found) return found
    }
    done.add(name)
    return undefined
  }
  for (const name of graph.keys()) {
    const found = search(name, [])
    if (found) return found
  }
  return undefined
}

export function lengthBreaches({ root, files }: House): string[] {
  return files
    .filter(path => /^(src|workers|test|fixtures|\.ci)\/.*\.(tsx?|css|sql|sh|html)$/.test(path))
    .flatMap(path => {
      const lines = readText(root, path)?.trimEnd().split('\n').length ?? 0
      return lines > linesMax ? [`${path} has ${lines} lines: above ${linesMax} a file is more than one idea`] : []
    })
}

export function topLevelBreaches({ files }: House): string[] {
  const names = new Set(files.map(path => path.split('/')[0] ?? path))
  return [...names]
    .filter(name => !topLevel.includes(name))
    .map(name => `${name} lies at the top: what a newcomer sees first is the map, and nothing else`)
}

export function wordingBreaches({ root, files }: House): string[] {
  return files.flatMap(path => {
    const applying = wordings.filter(wording => wording.files.test(path))
    const lines = readText(root, path)?.split('\n') ?? []
    return lines.flatMap((line, index) =>
      applying.flatMap(({ pattern, why }) => {
        const found = pattern.exec(line)
        return found ? [`${path}:${index + 1} says ${found[0]}: ${why}`] : []
      }),
    )
  })
}
