/**
 * The worker's half of wire.ts. A decoder has handled bytes from anywhere, and may have been taken over by them: its answers are
 * parsed and bounded like any other input. Whatever is no answer throws.
 */
import { z } from 'zod'
import { photoFactsLimits as limits, type PhotoFacts } from '../../../src/library/photo-facts.js'
import type { Developed, Rendition } from '../developed.js'
import { parseWallTime } from '../facts/exif-time.js'
import type { FrameReader } from './frames.js'
import type { Answer, DevelopedHead } from './wire.js'

const MiB = 1024 * 1024

/** Postgres keeps any text but this. */
const text = (charsMax: number) =>
  z
    .string()
    .max(charsMax)
    .refine(found => !found.includes('\0'))
const size = (max: number) => z.number().int().min(0).max(max)
/** What the catalogue's columns take: what they refuse would leave the photo waiting for ever. */
const integerMax = 2 ** 31 - 1
const edge = size(integerMax)
const number = z.number().nullable()
const within = (max: number, min = -max) => z.number().min(min).max(max).nullable()
const whole = (max: number, min = -max) => z.number().int().min(min).max(max).nullable()
const wallTime = text(30).refine(found => parseWallTime(found, endOfTime) === found)
const endOfTime = new Date(8.64e15)
const mediaType = z.string().regex(/^[a-z]+\/[a-z0-9.+-]{1,80}$/)

/** With a sign or without. */
const isIn64Bits = (decimal: string): boolean => {
  const number = BigInt(decimal)
  return BigInt.asIntN(64, number) === number || BigInt.asUintN(64, number) === number
}

const facts = z.object({
  takenAt: wallTime.nullable(),
  takenOffsetMinutes: whole(limits.offsetMinutes),
  // A character may take two places.
  cameraMake: text(2 * limits.textChars).nullable(),
  cameraModel: text(2 * limits.textChars).nullable(),
  lens: text(2 * limits.textChars).nullable(),
  latitude: within(90),
  longitude: within(180),
  orientation: whole(8, 1),
  exposureSeconds: number,
  fNumber: number,
  iso: number,
  focalLengthMm: number,
  rating: whole(5, -1),
  description: text(2 * limits.descriptionChars).nullable(),
  burst: text(2 * limits.idChars).nullable(),
  live: text(2 * limits.idChars).nullable(),
  motion: z.object({ offset: size(2 ** 40), sizeBytes: size(2 ** 40), mediaType, atMs: number }).nullable(),
}) satisfies z.ZodType<PhotoFacts>

const developed = z.object({
  is: z.literal('developed'),
  kind: z.enum(['picture', 'video']),
  mediaType,
  width: edge.nullable(),
  height: edge.nullable(),
  durationMs: whole(integerMax, 0),
  reason: text(1_000).nullable(),
  facts,
  renditions: z
    .array(
      // The name becomes part of an object's key.
      z.object({
        name: z.string().regex(/^\w[\w.-]{0,39}$/),
        mediaType,
        width: edge,
        height: edge,
        bytes: size(64 * MiB),
      }),
    )
    .max(16)
    .refine(all => all.reduce((sum, { bytes }) => sum + bytes, 0) <= 64 * MiB),
  thumbhash: size(100).nullable(),
  look: z
    .object({
      phash: z
        .string()
        .regex(/^-?\d{1,20}$/)
        .refine(isIn64Bits),
      detail: size(MiB),
    })
    .nullable(),
}) satisfies z.ZodType<DevelopedHead>

const answer = z.discriminatedUnion('is', [
  z.object({ is: z.literal('ready') }),
  z.object({ is: z.literal('began') }),
  developed,
  z.object({ is: z.literal('unreadable'), reason: text(1_000), cause: z.string().nullable() }),
  z.object({ is: z.literal('failed'), error: z.string() }),
]) satisfies z.ZodType<Answer>

export function parseAnswer(head: unknown): Answer {
  return answer.parse(head)
}

/** Reads the bytes that belong to the head. */
export async function readDeveloped(head: DevelopedHead, reader: FrameReader): Promise<Developed> {
  const renditions: Rendition[] = []
  for (const rendition of head.renditions) {
    renditions.push({ ...rendition, bytes: await reader.bytes(rendition.bytes) })
  }
  const thumbhash = head.thumbhash === null ? null : await reader.bytes(head.thumbhash)
  const look = head.look && { phash: BigInt(head.look.phash), detail: await reader.bytes(head.look.detail) }
  const { kind, mediaType, width, height, durationMs, reason, facts } = head
  return { kind, mediaType, width, height, durationMs, reason, facts, renditions, thumbhash, look }
}

/** Text that came out of a decoder, for the log: one bounded line, and nothing in it that a terminal would obey. */
export function escapeText(text: string, charsMax = 2_000): string {
  const spell = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`
  const cut = text.length > charsMax ? `${text.slice(0, charsMax)}…` : text
  return cut.replace(/\r?\n/g, ' ⏎ ').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, spell)
}
