/**
 * Where begun uploads are remembered, so that a program that was ended goes on where the server is rather than at zero. A
 * note is the address of an upload under a name made of what would be sent: nothing of it is secret, and it holds no token,
 * no name and no path. Losing notes costs bytes sent again and nothing else, so stores are allowed to forget.
 */
import type { PartRole } from '../core/part-roles.js'

/** None of these rejects: a store that cannot read or write has nothing and forgets what it is given. */
export interface ResumeStore {
  /** The address of the upload that was begun under this name; undefined when none is known. */
  get(name: string): Promise<string | undefined>
  put(name: string, address: string): Promise<void>
  /** Also when there is none. */
  remove(name: string): Promise<void>
}

/** What makes two uploads the same. */
export interface Begun {
  server: string
  /** Whose upload it is. A note of somebody else's is harmless: the server does not find it. */
  account: string
  /** Lower-case hex. */
  sha256: string
  sizeBytes: number
  ifDeleted: 'keep' | 'restore'
  partOf: { readonly photo: string; readonly role: PartRole } | undefined
}

/** Notes older than this lead nowhere: servers keep unfinished uploads for days. */
export const noteLifetimeMs = 7 * 24 * 3600_000
/** The oldest go beyond it. More uploads than this are never open at once. */
export const notesMax = 2_000

export function nameOfBegun({ server, account, sha256, sizeBytes, ifDeleted, partOf }: Begun): string {
  return JSON.stringify([server, account, sha256, sizeBytes, ifDeleted, partOf?.photo ?? '', partOf?.role ?? ''])
}

/** Whether that address is one of this server's: a token goes nowhere else because of what a store holds. */
export function isOf(server: string, address: string): boolean {
  return URL.canParse(address) && new URL(address).origin === new URL(server).origin
}
