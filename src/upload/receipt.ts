/** The receipt of an upload that is stored, as both fronts tell it: proof, and what became of the content. Pure. */

export interface Receipt {
  /** The photo that the content is now, or was already. */
  photo: string
  duplicate: boolean
  /** Its owner has deleted this content, and it stays so. */
  deleted: boolean
}

export function receiptHeaders({ photo, duplicate, deleted }: Receipt): Record<string, string> {
  return {
    'Photosync-Photo': photo,
    'Photosync-Duplicate': duplicate ? '?1' : '?0',
    ...(deleted && { 'Photosync-Deleted': '?1' }),
  }
}

/** undefined: it isn't stored, or is a partial one and became no photo by itself. */
export function receiptOf({
  storedAs,
  duplicate,
  deleted,
}: {
  storedAs: string | null
  duplicate: boolean | null
  deleted: boolean | null
}): Receipt | undefined {
  return storedAs === null ? undefined : { photo: storedAs, duplicate: duplicate === true, deleted: deleted === true }
}
