/** A web page as an app developer makes it: the package bundled for browsers from its exports, on a site of its own. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Bundle {
  /** A classic script that puts what `entry` exports on the page as `photosync`. */
  code: string
  /** Minified and gzipped. */
  gzippedBytes: number
  /** What the bundler had to say, e.g. of modules that no browser has. */
  complaints: string[]
}

/** Bundles the lines of a program that depends on the package. `npm run build` has to come first. */
export async function bundle(entry: string): Promise<Bundle> {
  const app = await mkdtemp(join(tmpdir(), 'photosync-app-'))
  const complaints: string[] = []
  try {
    await mkdir(join(app, 'node_modules'))
    await symlink(root, join(app, 'node_modules', 'photosync'))
    await writeFile(join(app, 'entry.js'), entry)
    const built = await build({
      root: app,
      configFile: false,
      logLevel: 'silent',
      build: {
        write: false,
        target: 'es2022',
        lib: { entry: join(app, 'entry.js'), name: 'photosync', formats: ['iife'] },
        rollupOptions: { onwarn: ({ message }) => complaints.push(message) },
      },
    })
    const output = [built].flat().flatMap(result => ('output' in result ? result.output : []))
    const code = output.map(part => (part.type === 'chunk' ? part.code : '')).join('\n')
    return { code, gzippedBytes: gzipSync(code).length, complaints }
  } finally {
    await rm(app, { recursive: true })
  }
}

export interface PageSite {
  /** As browsers write it in `Origin`. */
  origin: string
  close(): Promise<void>
}

/** One page with that script in it. */
export async function startPageSite(code: string): Promise<PageSite> {
  const server = createServer((request, response) => {
    if (request.url === '/photosync.js') response.setHeader('Content-Type', 'text/javascript').end(code)
    else
      response
        .setHeader('Content-Type', 'text/html')
        .end('<!doctype html><meta charset="utf-8"><title>An app</title><script src="/photosync.js"></script>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

export interface Gate {
  url: string
  /** From now on everything goes through. */
  open(): void
  close(): Promise<void>
}

/** A way to a server that lets so many bytes through, over all connections, and then holds what comes until it is opened. */
export async function startGate(targetPort: number, bytes: number): Promise<Gate> {
  let left = bytes
  const sockets = new Set<Socket>()
  const held = new Set<Socket>()
  const server = createTcpServer(client => {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        client.destroy()
        target.end(() => target.destroy())
      })
    }
    client.on('data', chunk => {
      left -= chunk.length
      const drained = target.write(chunk)
      if (left > 0 && drained) return
      client.pause()
      if (left <= 0) held.add(client)
      else target.once('drain', () => client.resume())
    })
    target.pipe(client)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => {
      left = Number.POSITIVE_INFINITY
      for (const client of held) client.resume()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
