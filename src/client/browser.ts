/** The handset's SDK for web pages and their workers: ask what is missing, send blobs, follow the feed. Nothing of Node is in it. */
export { syncWords } from '../core/consents.js'
export { AppError, type ErrorKind, isAppError } from '../core/errors.js'
export type { PartRole } from '../core/part-roles.js'
export { type Api, type ApiOptions, type CheckAnswer, type Consents, type Me, makeApi, type PhotoFacts } from './api.js'
export { type EventsOptions, readEvents, type ServerEvent } from './events.js'
export {
  type Album,
  type AlbumEntry,
  type AllTrash,
  type Change,
  type ChangesPage,
  type FeedApi,
  makeFeedApi,
  type PhotoEdit,
  type PhotoEntry,
  type TrashPage,
} from './feed-api.js'
export { catchUp, type FollowEvent, type FollowOptions, follow, type MirrorStore } from './follow.js'
export { hashBlob } from './hash-blob.js'
export { type Home, makeHome } from './home.js'
export { mediaTypeOf } from './media-types.js'
export { type Mirror, makeMirror, restoreMirror } from './mirror.js'
export { makePace, type Pace, type PaceOptions, type TurnOutcome } from './pace.js'
export type { ResumeStore } from './resume-store.js'
export { makeResumeWebStorage, type ResumeWebStorageOptions } from './resume-web-storage.js'
export { type SendOptions, sendFile } from './send-blob.js'
export type { Receipt, TransferOptions } from './transfer.js'
export { type BackOffOptions, backOff } from './wait.js'
