/** A photo as whoever asks for it by its id is told of it. Pure. */
import { type Photo, versionOf } from './photo.js'
import type { Motion } from './photo-facts.js'

export function describePhoto(photo: Photo) {
  const {
    recipe: _,
    shown,
    movingHalf,
    motion,
    sha256,
    cameraMake,
    cameraModel,
    lens,
    latitude,
    longitude,
    ...rest
  } = photo
  const hasCamera = cameraMake !== null || cameraModel !== null || lens !== null
  return {
    ...rest,
    renditionVersion: versionOf(photo.id, shown),
    sha256: sha256.toString('hex'),
    camera: hasCamera ? { make: cameraMake, model: cameraModel, lens } : null,
    motion: movingHalf ? describeMotion(movingHalf, null) : motion && describeMotion(motion, motion.atMs),
    place: latitude !== null && longitude !== null ? { latitude, longitude } : null,
  }
}

const describeMotion = (
  { mediaType, sizeBytes }: Pick<Motion, 'sizeBytes'> & { mediaType: string | null },
  atMs: number | null,
) => ({
  mediaType,
  sizeBytes,
  atMs,
})
