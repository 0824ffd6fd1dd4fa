/** Every input has a limit; each stands here with its reason. Sizes in bytes, times in milliseconds unless named otherwise. */
const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

export const limits = {
  /** One original. Phones cap a video file at 4 GB (FAT) or a few tens of minutes of 4K; above it is no handset's file. */
  uploadSizeBytes: 10 * GiB,
  /** Below it an original is one PutObject held in memory; above, a multipart upload. Nearly every phone photo fits. */
  smallUploadBytes: 8 * MiB,
  /** A part of a multipart upload. S3 wants ≥ 5 MiB and ≤ 10,000 parts; 8 MiB reaches 80 GB. */
  partSizeBytes: 8 * MiB,
  /** How many uploads a person may have open at once: more is a broken client. */
  openUploadsPerPerson: 2_000,
  /** Bytes that all open uploads of a person may claim together; reserved when an upload is created. */
  openBytesPerPerson: 200 * GiB,
  /** An upload that isn't finished by then is removed; the bucket's own rule aborts multiparts at 7 days. */
  uploadLifetimeMs: 3 * 24 * 3600_000,
  /** A request for an upload that brings no byte for this long is ended; what it brought is kept. */
  uploadStallMs: 30_000,
  /** Memory for upload bodies in one API process, over all requests, unless its environment says otherwise: ten photos at once, or thousands that trickle. */
  heldBytesPerProcess: 32 * MiB,
  /** Besides, for pieces of broken uploads that are read back to be put together; the largest takes a whole small upload. */
  rebuiltBytesPerProcess: 32 * MiB,
  /** Upload-Metadata, the whole header. Node refuses headers over 16 KiB in any case. */
  metadataBytes: 4 * KiB,
  /** A file name: what file systems allow. */
  fileNameBytes: 255,
  /** Hashes in one question of what is already stored. */
  checkHashes: 5_000,
  /** Entries in one page of the feed or a timeline section. */
  pageEntries: 1_000,
  /** Photos named in one request that trashes, restores or edits them, or puts them into an album: it is one transaction, and a person's others wait for it. */
  photosAtOnce: 1_000,
  /** Parts of one photo: its moving half, its edits and sidecars are a handful, and whoever takes the photo takes all of them. `commit_original` has the number as well. */
  partsPerPhoto: 64,
  /** How long what is in the trash is kept: time to miss it. */
  trashLifetimeMs: 30 * 24 * 3600_000,
  /** Streams of events that one person may have open at one process: handsets and browser tabs that are looked at are fewer. */
  eventStreamsPerPerson: 20,
  /** They are listed all at once. */
  albumsPerPerson: 10_000,
  albumNameChars: 200,
  /** JSON bodies: 5,000 hashes of 64 characters with their quotes fit. */
  jsonBodyBytes: 512 * KiB,
  /** Pixels of one picture that is decoded: 200-megapixel phones exist, and a decompression bomb claims billions. */
  picturePixels: 268_402_689,
  /** Time one picture may take to become renditions. */
  thumbnailMs: 30_000,
  /** One attempt of a job as a whole: a large video is read to its end. */
  attemptMs: 3600_000,
  /** How often a photo may break what decodes it until it is put in quarantine: once may be an accident. */
  photoBreaks: 2,
  /** How often a worker may die at one photo. Workers are killed for many reasons, so it takes more to blame the photo. */
  photoAttempts: 10,
  /** Password length: the upper bound keeps argon2's work bounded. */
  passwordCharsMin: 8,
  passwordCharsMax: 200,
  /** E-mail address (RFC 5321 §4.5.3.1.3: a path of 256 octets with its brackets). */
  emailChars: 254,
  deviceNameChars: 100,
  devicesPerPerson: 100,
  /** A browser's session. */
  sessionLifetimeMs: 30 * 24 * 3600_000,
  /** A link that signs its owner in. */
  signInLinkLifetimeMs: 24 * 3600_000,
} as const
