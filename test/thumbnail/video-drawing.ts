/** Films for tests, made by ffmpeg itself, and what is needed to break them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sharp } from '../../workers/thumbnail/picture/sharp.js'
import { runToEnd } from '../support/process.js'
import { useFfmpeg } from '../support/services.js'

/** Red, green, blue and yellow from the top left, as one reads: the colours of drawing.ts. 320 × 240. */
export const cornersGraph =
  'color=red:s=160x120:r=10:d=3[a];color=lime:s=160x120:r=10:d=3[b];[a][b]hstack[top];' +
  'color=blue:s=160x120:r=10:d=3[c];color=yellow:s=160x120:r=10:d=3[d];[c][d]hstack[bottom];[top][bottom]vstack'

/** One colour for a time. */
export const plain = (colour: string, seconds: number, size = '320x240') =>
  `color=${colour}:s=${size}:r=10:d=${seconds}`

/** Runs ffmpeg on a drawing (a filter graph without input) and returns the file. */
export async function film(dir: string, name: string, graph: string, ...args: string[]): Promise<Buffer> {
  const path = join(dir, name)
  await ffmpeg('-filter_complex', graph, ...args, path)
  return readFile(path)
}

export async function ffmpeg(...args: string[]): Promise<string> {
  const command = useFfmpeg()
  return runToEnd({ command, args: ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...args] }, 60_000)
}

/** Which encoders there are differs between builds. */
export async function hasEncoder(name: string): Promise<boolean> {
  return new RegExp(` ${name} `).test(await ffmpeg('-encoders'))
}

/** H.264 if it can be had, which is what phones write. */
export async function usualEncoder(): Promise<string[]> {
  return (await hasEncoder('libx264')) ? ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'] : ['-c:v', 'mpeg4', '-q:v', '2']
}

/** The colour in the middle of each quarter, as one reads. */
export async function readQuarters(picture: Buffer): Promise<number[][]> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true })
  const quarters = [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ] as const
  return quarters.map(([x, y]) => {
    const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * info.channels
    return [...data.subarray(at, at + 3)]
  })
}

/** The largest difference of any number. */
export function apart(found: readonly number[][], wanted: readonly (readonly number[])[]): number {
  return Math.max(
    ...wanted.flatMap((colour, at) => colour.map((value, n) => Math.abs(value - (found[at]?.[n] ?? 999)))),
  )
}

/** Where the content of the first box of this type begins (ISO 14496-12 §4.2). */
export function contentOf(movie: Buffer, type: string): number {
  const at = movie.indexOf(type, 4, 'latin1')
  if (at < 0) throw new Error(`There is no ${type} box`)
  return at + 4
}

/** A copy whose track is shown turned clockwise: a, b, c, d of the matrix in its header (ISO 14496-12 §8.3.2), version 0. */
export function turn(movie: Buffer, [a, b, c, d]: readonly [number, number, number, number]): Buffer {
  const turned = Buffer.from(movie)
  const matrix = contentOf(turned, 'tkhd') + 40
  const cells = [a, b, 0, c, d, 0]
  for (const [n, cell] of cells.entries()) turned.writeInt32BE(cell * 0x10000, matrix + n * 4)
  return turned
}
