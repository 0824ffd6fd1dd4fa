/**
 * The problem types (RFC 9457) that the draft registers, and those of the digest fields
 * (draft-ietf-httpapi-digest-fields-problem-types), with their titles.
 */
const registry = 'https://iana.org/assignments/http-problem-types#'

export const problemTypes = {
  mismatchingOffset: `${registry}mismatching-upload-offset`,
  completedUpload: `${registry}completed-upload`,
  inconsistentLength: `${registry}inconsistent-upload-length`,
  invalidDigest: `${registry}digest-invalid-values`,
  mismatchedDigest: `${registry}digest-mismatched-values`,
} as const

export type ProblemType = (typeof problemTypes)[keyof typeof problemTypes]

export const problemTitles: Readonly<Record<ProblemType, string>> = {
  [problemTypes.mismatchingOffset]: 'Mismatching Upload Offset',
  [problemTypes.completedUpload]: 'Upload Is Completed',
  [problemTypes.inconsistentLength]: 'Inconsistent Upload Length Values',
  [problemTypes.invalidDigest]: 'Invalid Digest Values',
  [problemTypes.mismatchedDigest]: 'Mismatched Digest Values',
}
