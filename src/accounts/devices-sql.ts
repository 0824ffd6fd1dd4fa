/** The table `devices`. */
import { wordsVersion } from '../core/consents.js'
import { limits } from '../core/limits.js'
import type { Queryable } from '../db/database.js'

export interface Device {
  id: string
  name: string
  createdAt: Date
  revokedAt: Date | null
}

export async function insertDevice(
  tx: Queryable,
  device: { id: string; person: string; name: string; tokenSha256: Buffer; createdAt: Date },
): Promise<void> {
  await tx.query('insert into devices (id, person, name, token_sha256, created_at) values ($1, $2, $3, $4, $5)', [
    device.id,
    device.person,
    device.name,
    device.tokenSha256,
    device.createdAt,
  ])
}

/** Newest first, revoked ones too, one page of them. */
export async function selectDevices(db: Queryable, person: string): Promise<Device[]> {
  return db.query<Device>(
    `select id, name, created_at as "createdAt", revoked_at as "revokedAt"
     from devices where person = $1 order by created_at desc, id desc limit $2`,
    [person, limits.pageEntries],
  )
}

export async function countDevicesInUse(tx: Queryable, person: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    'select count(*) as count from devices where person = $1 and revoked_at is null',
    [person],
  )
  return row?.count ?? 0
}

/** Whether the person has that device. Revoking again keeps the first time. */
export async function markRevoked(db: Queryable, person: string, id: string, at: Date): Promise<boolean> {
  const rows = await db.query(
    'update devices set revoked_at = coalesce(revoked_at, $3) where id = $2 and person = $1 returning id',
    [person, id, at],
  )
  return rows.length > 0
}

/** Whose token it is and the epoch of their placement here; epoch is null when they live elsewhere now. */
export async function findDeviceByToken(
  db: Queryable,
  tokenSha256: Buffer,
): Promise<{ device: string; person: string; epoch: number | null; maySend: boolean } | undefined> {
  const [row] = await db.query<{ device: string; person: string; epoch: number | null; maySend: boolean }>(
    `select d.id as device, d.person, p.epoch, coalesce((
       select granted and version = $2 from consents where person = d.person and purpose = 'sync' order by id desc limit 1
     ), false) as "maySend"
     from devices d left join placements p on p.person = d.person and p.state in ('open', 'frozen')
     where d.token_sha256 = $1 and d.revoked_at is null`,
    [tokenSha256, wordsVersion.sync],
  )
  return row
}
