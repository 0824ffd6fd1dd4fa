/** What the global set-up of the tests hands to every test file: where the real services are, and why one is not there. */
import 'vitest'

/** One region's bucket on a real S3 service, addressed path-style. */
export interface S3Bucket {
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

/** Services that a machine may lack. Postgres comes with npm and is always there. */
export type OptionalService = 'redis' | 's3' | 'chromium' | 'ffmpeg'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Shared by all test files: keep to a key prefix of your own. */
    redisUrl: string | undefined
    /** One bucket for each region, shared by all test files: keep to a key prefix of your own. */
    s3: S3Bucket[] | undefined
    /** The browser's program file. */
    chromium: string | undefined
    /** ffmpeg's program file; ffprobe is there too. */
    ffmpeg: string | undefined
    /** An administrator's address; tests make databases of their own with `freshDatabase`. */
    postgresUrl: string
    /** Why each absent service is absent, in a sentence that says what to do. */
    missing: Partial<Record<OptionalService, string>>
  }
}
