/**
 * Lays one picture's detail over another's: finds the window of the one that shows what the whole other shows, and says how well the
 * two agree there. A window a little smaller than the picture is a crop. Brightness and contrast don't count. Pure.
 */
import { lookEdgePx as edge } from './look.js'
import { solve } from './solve.js'
import { restsOf } from './tone-curve.js'

/** A detail made ready to be laid under or over others: levels without their finest grain, which another size or encoding changes. */
export interface Surface {
  readonly levels: Float32Array
  readonly slopesX: Float32Array
  readonly slopesY: Float32Array
}

/** Where one picture lies in another: its middle, from the other's middle, and its size, all as shares of the other's sides. */
export interface Window {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Fit {
  readonly window: Window
  /** Of the levels: 1 is the same picture, 0 is any other. */
  readonly correlation: number
}

export const whole: Window = { x: 0, y: 0, width: 1, height: 1 }

const pixels = edge * edge
const middle = (edge - 1) / 2

export function surfaceOf(detail: Uint8Array): Surface {
  if (detail.byteLength !== pixels) throw new TypeError(`a detail has ${pixels} levels, not ${detail.byteLength}`)
  const grain = new Int8Array(detail.buffer, detail.byteOffset, pixels)
  // 1 2 1 along the rows, which turns it, and so once more along what were the columns.
  const levels = blurRowsTurned(blurRowsTurned(grain))
  const slopesX = new Float32Array(pixels)
  const slopesY = new Float32Array(pixels)
  const level = (x: number, y: number) => levels[y * edge + x] as number
  for (let y = 0; y < edge; y++) {
    const [above, below] = [Math.max(y - 1, 0), Math.min(y + 1, edge - 1)]
    for (let x = 0; x < edge; x++) {
      const [left, right] = [Math.max(x - 1, 0), Math.min(x + 1, edge - 1)]
      slopesX[y * edge + x] = (level(right, y) - level(left, y)) / (right - left)
      slopesY[y * edge + x] = (level(x, below) - level(x, above)) / (below - above)
    }
  }
  return { levels, slopesX, slopesY }
}

function blurRowsTurned(levels: Int8Array | Float32Array): Float32Array {
  const turned = new Float32Array(pixels)
  for (let y = 0; y < edge; y++) {
    for (let x = 0; x < edge; x++) {
      const left = levels[y * edge + Math.max(x - 1, 0)] as number
      const right = levels[y * edge + Math.min(x + 1, edge - 1)] as number
      turned[x * edge + y] = (left + 2 * (levels[y * edge + x] as number) + right) / 4
    }
  }
  return turned
}

/** How well the two agree as they lie. */
export function fitInPlace(inner: Surface, outer: Surface): Fit {
  return { window: whole, correlation: momentsOf(inner.levels, outer.levels).correlation }
}

/**
 * The window of `outer` in which all of `inner` fits best, near the whole: from there it goes downhill by Gauss and Newton's least
 * squares, over the window's place and size. `proportion`: its width by its height, as shares; both sizes tell it, so it isn't sought.
 */
export function align(inner: Surface, outer: Surface, proportion = 1): Fit {
  let window: Window = { x: 0, y: 0, width: Math.min(1, proportion), height: Math.min(1, 1 / proportion) }
  let best: Fit = { window, correlation: -1 }
  const laid = emptySurface()
  for (let step = 0; step <= stepsMax; step++) {
    lay(outer, window, laid)
    const { correlation, contrast } = momentsOf(inner.levels, laid.levels)
    const gain = correlation - best.correlation
    if (gain > 0) best = { window, correlation }
    const move = gain < enough ? undefined : descend(inner, laid, contrast, window)
    if (!move) break
    window = moved(window, move)
  }
  return best
}

const stepsMax = 8
const enough = 0.0002

export interface Rest {
  /** By how much they differ where they agree least, of parts of an eighth of a side. */
  readonly worst: number
  /** By how much the tones had to change. */
  readonly toning: number
}

/**
 * What is left between the two once the one has the other's tones, in standard deviations of `inner`. An edit differs by little
 * everywhere; of two pictures of one scene most is the same, and what moved is not.
 */
export function restOf(inner: Surface, outer: Surface, window: Window): Rest {
  const laid = emptySurface()
  lay(outer, window, laid)
  const rests = restsOf(inner.levels, laid.levels)
  let worst = 0
  // They overlap by half, so that what differs lies whole in one of them.
  for (let top = 0; top + partEdge <= edge; top += partEdge / 2) {
    for (let left = 0; left + partEdge <= edge; left += partEdge / 2) {
      let squares = 0
      for (let y = top; y < top + partEdge; y++) {
        for (let x = left; x < left + partEdge; x++) squares += (rests[y * edge + x] as number) ** 2
      }
      worst = Math.max(worst, squares)
    }
  }
  const { deviation } = momentsOf(inner.levels, laid.levels)
  let toned = 0
  for (let at = 0; at < pixels; at++) {
    toned += ((inner.levels[at] as number) - (rests[at] as number) - (laid.levels[at] as number)) ** 2
  }
  const unit = Math.max(deviation, 1)
  return { worst: Math.sqrt(worst) / partEdge / unit, toning: Math.sqrt(toned / pixels) / unit }
}

const partEdge = edge / 8

function emptySurface(): Surface {
  return {
    levels: new Float32Array(pixels),
    slopesX: new Float32Array(pixels),
    slopesY: new Float32Array(pixels),
  }
}

/** What `outer` shows in the window, as large as a whole: between four pixels in proportion, beyond the border the border's. */
function lay(outer: Surface, window: Window, into: Surface): void {
  const { levels, slopesX, slopesY } = outer
  for (let y = 0; y < edge; y++) {
    const atY = Math.min(edge - 1, Math.max(0, middle + window.y * edge + (y - middle) * window.height))
    const top = Math.min(edge - 2, Math.floor(atY))
    const down = atY - top
    for (let x = 0; x < edge; x++) {
      const atX = Math.min(edge - 1, Math.max(0, middle + window.x * edge + (x - middle) * window.width))
      const left = Math.min(edge - 2, Math.floor(atX))
      const right = atX - left
      const at = top * edge + left
      const to = y * edge + x
      into.levels[to] = between(levels, at, right, down)
      into.slopesX[to] = between(slopesX, at, right, down)
      into.slopesY[to] = between(slopesY, at, right, down)
    }
  }
}

function between(values: Float32Array, at: number, right: number, down: number): number {
  const above = (values[at] as number) * (1 - right) + (values[at + 1] as number) * right
  const below = (values[at + edge] as number) * (1 - right) + (values[at + edge + 1] as number) * right
  return above * (1 - down) + below * down
}

interface Moments {
  correlation: number
  /** By which the second is multiplied to come nearest to the first. */
  contrast: number
  /** Of the first. */
  deviation: number
}

function momentsOf(first: Float32Array, second: Float32Array): Moments {
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0]
  for (let i = 0; i < pixels; i++) {
    const one = first[i] as number
    const other = second[i] as number
    a += one
    b += other
    aa += one * one
    bb += other * other
    ab += one * other
  }
  const varianceA = aa / pixels - (a / pixels) ** 2
  const varianceB = bb / pixels - (b / pixels) ** 2
  const common = ab / pixels - (a / pixels) * (b / pixels)
  const hasBoth = varianceA > 0 && varianceB > 0
  return {
    correlation: hasBoth ? common / Math.sqrt(varianceA * varianceB) : 0,
    contrast: hasBoth ? common / varianceB : 0,
    deviation: Math.sqrt(Math.max(varianceA, 0)),
  }
}

interface Move {
  x: number
  y: number
  /** By how much of itself the window grows. */
  growth: number
}

/** One step of least squares over contrast, brightness, place and size. */
function descend(inner: Surface, laid: Surface, contrast: number, { width, height }: Window): Move | undefined {
  const unknowns = 5
  const normal = new Float64Array(unknowns * unknowns)
  const wanted = new Float64Array(unknowns)
  const row = new Float64Array(unknowns)
  for (let at = 0; at < pixels; at++) {
    const alongX = contrast * (laid.slopesX[at] as number)
    const alongY = contrast * (laid.slopesY[at] as number)
    row[0] = laid.levels[at] as number
    row[1] = 1
    row[2] = alongX * edge
    row[3] = alongY * edge
    row[4] = alongX * width * ((at % edge) - middle) + alongY * height * (Math.floor(at / edge) - middle)
    for (let i = 0; i < unknowns; i++) {
      const value = row[i] as number
      wanted[i] = (wanted[i] as number) + value * (inner.levels[at] as number)
      for (let k = i; k < unknowns; k++) {
        normal[i * unknowns + k] = (normal[i * unknowns + k] as number) + value * (row[k] as number)
      }
    }
  }
  for (let i = 0; i < unknowns; i++) {
    for (let k = 0; k < i; k++) normal[i * unknowns + k] = normal[k * unknowns + i] as number
  }
  const solution = solve(normal, wanted)
  if (!solution) return undefined
  const [, , x = 0, y = 0, growth = 0] = solution
  return { x, y, growth }
}

/** A crop of a twentieth on one side, with room for what is measured wrongly. */
const reach = { place: 0.06, smallest: 0.88, largest: 1.04 } as const

function moved({ x, y, width, height }: Window, move: Move): Window {
  const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))
  const least = reach.smallest / Math.min(width, height)
  const most = reach.largest / Math.max(width, height)
  const growth = within(1 + move.growth, Math.min(1, least), Math.max(1, most))
  return {
    x: within(x + move.x, -reach.place, reach.place),
    y: within(y + move.y, -reach.place, reach.place),
    width: width * growth,
    height: height * growth,
  }
}
