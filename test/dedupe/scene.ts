/** A region with photos as the thumbnail worker leaves them: rows with looks of drawn pictures; and the job that compares them. */
import sharp, { type Sharp } from 'sharp'
import { drawScene, type SceneOrder } from '../../fixtures/scenes/draw-scene.js'
import { type SceneName, scenes } from '../../fixtures/scenes/scenes.js'
import { duplicateRoutes } from '../../src/library/duplicates/routes.js'
import { makeDedupe } from '../../workers/dedupe/dedupe-job.js'
import { lookOf } from '../../workers/dedupe/look.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { lookAt } from './look-at.js'

export interface PhotoOfPicture {
  /** Encoded. */
  picture: Buffer
  takenAt?: string
  camera?: string
  burst?: string
  kind?: 'picture' | 'video'
  partOf?: string
}

export interface DedupeScene {
  here: TestRegion
  /** People for whom there was something new to see, in order. */
  told: string[]
  dedupe(person: TestPerson): Promise<void>
  add(person: TestPerson, photo: PhotoOfPicture): Promise<string>
  /** Each photo's group. */
  groups(person: TestPerson, of?: 'same' | 'similar'): Promise<Map<string, string | null>>
}

export async function startDedupeScene({ batch = 100 } = {}): Promise<DedupeScene> {
  const here: TestRegion = await startRegion({
    routes: () => [duplicateRoutes({ db: { query: (sql, values) => here.db.query(sql, values) } })],
  })
  const told: string[] = []
  const onChange = async (person: string) => void told.push(person)
  const job = makeDedupe({ db: here.db, clock: here.clock, onChange, batch })
  return {
    here,
    told,
    dedupe: ({ person }) => job({ person }, AbortSignal.timeout(30_000)),
    add: (person, photo) => addWithLook(here, person, photo),
    groups: async ({ person, epoch }, of = 'same') => {
      const column = of === 'same' ? 'same_group' : 'similar_group'
      const rows = await here.db.query<{ id: string; grouped: string | null }>(
        `select id, ${column} as grouped from photos where person = $1 and epoch = $2`,
        [person, epoch],
      )
      return new Map(rows.map(({ id, grouped }) => [id, grouped]))
    },
  }
}

async function addWithLook(here: TestRegion, person: TestPerson, photo: PhotoOfPicture): Promise<string> {
  const { picture, takenAt = null, camera = null, burst = null, kind = 'picture', partOf = null } = photo
  // None comes at the same time as another, so that their order is known.
  here.clock.advance(1_000)
  const { id } = await addPhoto(here, person, takenAt === null ? {} : { shownAt: takenAt })
  const { width, height, grey } = await lookAt(picture)
  const look = lookOf(grey)
  await here.db.query(
    `update photos set kind = $2, width = $3, height = $4, taken_at = $5, camera_model = $6, burst = $7, part_of = $8,
       role = case when $8::text is not null then 'motion' end,
       phash = $9, look = $10, size_bytes = $11, verified_at = stored_at
     where id = $1`,
    [id, kind, width, height, takenAt, camera, burst, partOf, look?.phash, look?.detail, picture.length],
  )
  return id
}

/** One of each kind of scene, so that no two are alike. */
export const sceneNames = Object.keys(scenes) as SceneName[]

/** The same for the same name and seed. */
export async function drawPicture(name: SceneName, { seed = '1', width = 960, height = 720 } = {}): Promise<Sharp> {
  const order: SceneOrder = { name, time: scenes[name].times[0] ?? 'day', seed }
  const { data } = await drawScene(order, width, height)
  return sharp(data, { raw: { width, height, channels: 3 } })
}

export const asJpeg = (picture: Sharp, quality = 92): Promise<Buffer> => picture.jpeg({ quality }).toBuffer()
