/** A folder to fill and a server to push it to, fresh for each test of the file that calls `usePushScene`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { type PushedFile, type PushOptions, type PushResult, push } from '../../src/client/index.js'
import { type ProtocolServer, startProtocolServer } from './protocol-server.js'

export const MiB = 1024 * 1024

export interface PushScene {
  server: ProtocolServer
  folder: string
  write(name: string, bytes: Buffer): Promise<Buffer>
  /** With what it told of each file. */
  push(more?: Partial<PushOptions>): Promise<PushResult & { files: PushedFile[] }>
}

export function usePushScene(): PushScene {
  const scene = {
    folder: '',
    async write(name: string, bytes: Buffer) {
      await mkdir(dirname(join(scene.folder, name)), { recursive: true })
      await writeFile(join(scene.folder, name), bytes)
      return bytes
    },
    async push(more: Partial<PushOptions> = {}) {
      const { url, token } = scene.server
      const files: PushedFile[] = []
      const onProgress: PushOptions['onProgress'] = event => {
        if (event.kind === 'file') files.push(event.file)
        more.onProgress?.(event)
      }
      return {
        ...(await push({ server: url, token, dirs: [scene.folder], firstDelayMs: 5, ...more, onProgress })),
        files,
      }
    },
  } as PushScene
  beforeEach(async () => {
    scene.server = await startProtocolServer()
    scene.folder = await mkdtemp(join(tmpdir(), 'photosync-push-'))
  })
  afterEach(async () => {
    await scene.server.close()
    await rm(scene.folder, { recursive: true })
  })
  return scene
}

/** Bytes that differ at every place and for every seed, so that a piece in the wrong place shows. */
export function content(seed: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let x = seed + 1
  for (let i = 0; i < sizeBytes; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = x >>> 24
  }
  return bytes
}
