/**
 * What their owner writes of photos: stars, words, when they were taken, favourites and the archive. It is kept in `photos.edits`
 * besides the columns and goes before what the file says, also when a worker looks at the file again. Each step is one transaction that
 * looks first whether the placement may be written, and says in the feed what changed; the same again changes nothing.
 */
import { hasConsent } from '../../accounts/consents-sql.js'
import { AppError } from '../../core/errors.js'
import type { Placement } from '../../core/keys.js'
import type { Database } from '../../db/database.js'
import { appendChange, appendChanges } from '../../feed/changes-sql.js'
import { addToOutbox } from '../../queue/outbox-sql.js'
import { requireOpenPlacement } from '../../regions/placements-sql.js'
import { applySidecars } from '../sidecars-sql.js'
import { lockWholes } from '../whole-photos-sql.js'
import { applyEdit, type Edit, type Marks, sameWords } from './edit.js'
import { lockEditable, markPhotos, writeEdits } from './edits-sql.js'

/** Resolves with whether anything changed, and whether a worker has to look at the file for it. `not_found`, and `conflict` for a part. */
export function editPhoto(
  db: Database,
  placement: Placement,
  { photo, edit, now }: { photo: string; edit: Edit; now: Date },
): Promise<{ changed: boolean; readAgain: boolean }> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    // What is taken back is said by sidecars again, their place with it.
    if (Object.values(edit).includes(null)) await hasConsent(tx, placement.person, 'places')
    const before = await lockEditable(tx, placement, photo)
    if (!before) throw new AppError('not_found', 'You have no such photo')
    if (before.partOf !== null) throw new AppError('conflict', 'This is a part of a photo. Edit the photo itself')
    const { words, takenBack } = applyEdit(before.words, edit)
    const { favourite = before.favourite, archived = before.archived } = edit
    const isSame = sameWords(before.words, words) && favourite === before.favourite && archived === before.archived
    if (isSame) return { changed: false, readAgain: false }
    const readAgain = await writeEdits(tx, photo, { words, takenBack, favourite, archived })
    if (takenBack.length > 0) await applySidecars(tx, photo)
    if (readAgain) await addToOutbox(tx, [{ name: 'thumbnail', data: { photo } }])
    await appendChange(tx, { ...placement, kind: 'edited', photo, at: now })
    return { changed: true, readAgain }
  })
}

/** Resolves with how many were changed: whole photos. */
export function editPhotos(
  db: Database,
  placement: Placement,
  { photos, marks, now }: { photos: readonly string[]; marks: Marks; now: Date },
): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    const wholes = await lockWholes(tx, placement, photos)
    const ids = wholes.map(({ id }) => id)
    const edited = ids.length === 0 ? [] : await markPhotos(tx, ids, marks)
    await appendChanges(tx, { ...placement, kind: 'edited', photos: edited, at: now })
    return edited.length
  })
}
