/** An upload for tests of what is pure: a small one that has just begun, but for what they say. */
import type { Upload } from '../../src/upload/upload.js'

export function uploadOf(facts: Partial<Upload> = {}): Upload {
  return {
    id: 'upload',
    person: 'person',
    epoch: 1,
    device: null,
    kind: 'whole',
    concat: null,
    sources: [],
    usedBy: null,
    lastFrom: null,
    state: 'open',
    sizeBytes: 3 * 1024 * 1024,
    offsetBytes: 0,
    metadata: '',
    fileName: null,
    mediaType: null,
    modifiedAt: null,
    sha256: null,
    holder: 1,
    hold: 'held',
    touchedAt: new Date(0),
    photo: 'photo',
    tried: [],
    multipart: null,
    nextPart: 1,
    parts: [],
    pieces: [],
    staged: false,
    hashState: null,
    expiresAt: new Date(0),
    storedAs: null,
    duplicate: null,
    ...facts,
  }
}
