/**
 * Where a region's bucket keeps what. A placement (one stay of a person's data in a region) is a prefix, so that a copy or
 * an erasure touches only its own.
 *
 *   u/<person>/<epoch>/o/<photo>                   the original
 *   u/<person>/<epoch>/r/<photo>/<recipe>/<name>   a rendition
 *   u/<person>/<epoch>/up/<upload>/<offset>-<size>-<n>   bytes of an unfinished upload from that offset on, by its n-th holder
 */
export interface Placement {
  readonly person: string
  readonly epoch: number
}

export const placementPrefix = ({ person, epoch }: Placement): string => `u/${person}/${epoch}/`

export const originalKey = (placement: Placement, photo: string): string => `${placementPrefix(placement)}o/${photo}`

/** Of all its renditions, of every recipe. */
export const renditionPrefix = (placement: Placement, photo: string): string =>
  `${placementPrefix(placement)}r/${photo}/`

export const renditionKey = (placement: Placement, photo: string, recipe: number, name: string): string =>
  `${renditionPrefix(placement, photo)}${recipe}/${name}`

export const uploadPrefix = (placement: Placement, upload: string): string =>
  `${placementPrefix(placement)}up/${upload}/`

export interface PieceName {
  offset: number
  sizeBytes: number
  holder: number
}

export const pieceKey = (placement: Placement, upload: string, { offset, sizeBytes, holder }: PieceName): string =>
  `${uploadPrefix(placement, upload)}${offset}-${sizeBytes}-${holder}`
