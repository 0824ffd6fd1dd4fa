/** The S3 bucket that a bench's server writes to, in the environment under the names that photosync itself reads. */
import type { S3Bucket } from '../../support/provided.js'

export function toEnvironment({ endpoint, region, bucket, accessKeyId, secretAccessKey }: S3Bucket) {
  return {
    S3_ENDPOINT: endpoint,
    S3_REGION: region,
    S3_BUCKET: bucket,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  }
}

export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): S3Bucket {
  const get = (name: string) => {
    const value = env[name]
    if (value === undefined) throw new Error(`${name} is not set: the bench starts this program, nobody else`)
    return value
  }
  return {
    endpoint: get('S3_ENDPOINT'),
    region: get('S3_REGION'),
    bucket: get('S3_BUCKET'),
    accessKeyId: get('S3_ACCESS_KEY_ID'),
    secretAccessKey: get('S3_SECRET_ACCESS_KEY'),
  }
}
