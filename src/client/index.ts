/** The handset's SDK: push a gallery, or take its parts for a client of your own. */
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
export { type StayingFile, type StayReason, stayReasons } from './free-up-plan.js'
export {
  type FreeUpEvent,
  type FreeUpOptions,
  type FreeUpPlan,
  type FreeUpResult,
  freeUpSpace,
} from './free-up-space.js'
export { type Found, findRoots, type GalleryFile, type GalleryPart, galleryFiles, type Root } from './gallery-files.js'
export { type HashedContent, hashFile } from './hash-file.js'
export { type Home, makeHome } from './home.js'
export { mediaTypeOf } from './media-types.js'
export { type Mirror, makeMirror, restoreMirror } from './mirror.js'
export { makePace, type Pace, type PaceOptions, type TurnOutcome } from './pace.js'
export { push } from './push.js'
export type { FailedFile, Outcome, PushEvent, PushedFile, PushResult, PushTotals } from './push-events.js'
export type { PushOptions } from './push-options.js'
export { makeResumeFolder, type ResumeFolderOptions } from './resume-folder.js'
export type { ResumeStore } from './resume-store.js'
export { type HashedFile, type Receipt, type SendOptions, sendFile } from './send-file.js'
export type { TransferOptions } from './transfer.js'
export { makeAgents, makeUploadHttp, type OwnUploadHttp, type UploadHttp } from './upload-http.js'
export { type BackOffOptions, backOff } from './wait.js'
