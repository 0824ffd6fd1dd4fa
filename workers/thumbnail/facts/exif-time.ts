/** The ways to write a time in EXIF, XMP and films, read strictly: what isn't a real date is undefined. Pure. */
import { photoFactsLimits as limits } from '../../../src/library/photo-facts.js'

/** A wall clock, and how far it is ahead of UTC if that is known. */
export interface Taken {
  wall: string
  offsetMinutes: number | undefined
}

/** 'YYYY:MM:DD HH:MM:SS' (EXIF 2.32 §4.6.4) → 'YYYY-MM-DDTHH:MM:SS', when it is a real date that isn't far ahead of now. */
export function parseWallTime(value: unknown, now: Date): string | undefined {
  const match = typeof value === 'string' ? /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)/.exec(value) : null
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second] = match
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const epochMs = utcMs(wall)
  if (epochMs === undefined || Number(year) < limits.yearMin || epochMs > now.getTime() + limits.takenAheadMs)
    return undefined
  return wall
}

/** ISO 8601 as XMP (Part 1 §8.2.1.2) and QuickTime write it: seconds and the zone may be missing. A day alone is no time. */
export function parseIsoTime(value: string | undefined, now: Date): Taken | undefined {
  if (value === undefined || value.length > 64) return undefined
  const match = /^(\d{4}[:-]\d\d[:-]\d\d[ T]\d\d:\d\d)(:\d\d)?(?:\.\d*)? ?(Z|[+-]\d\d:?\d\d)?/.exec(value.trim())
  if (match === null) return undefined
  const wall = parseWallTime(`${match[1]}${match[2] ?? ':00'}`, now)
  return wall === undefined ? undefined : { wall, offsetMinutes: parseOffset(match[3]) }
}

/** '+08:00', '-03:30' or 'Z' (EXIF 2.31 OffsetTime) → minutes ahead of UTC. */
export function parseOffset(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  if (value.trim() === 'Z') return 0
  const match = /^([+-])(\d\d):?([0-5]\d)$/.exec(value.trim())
  if (match === null) return undefined
  const minutes = Number(match[2]) * 60 + Number(match[3])
  if (minutes > limits.offsetMinutes) return undefined
  return match[1] === '-' && minutes > 0 ? -minutes : minutes
}

/** GPSDateStamp 'YYYY:MM:DD' and GPSTimeStamp [hours, minutes, seconds], which are UTC → milliseconds since 1970. */
export function gpsMoment(date: unknown, time: unknown): number | undefined {
  const match = typeof date === 'string' ? /^(\d{4})[:-](\d\d)[:-](\d\d)/.exec(date) : null
  if (match === null || !Array.isArray(time) || time.length !== 3) return undefined
  const midnightMs = utcMs(`${match[1]}-${match[2]}-${match[3]}T00:00:00`)
  const [hours, minutes, seconds] = time as [unknown, unknown, unknown]
  if (midnightMs === undefined || !isWithin(hours, 24) || !isWithin(minutes, 60) || !isWithin(seconds, 60))
    return undefined
  return midnightMs + ((hours * 60 + minutes) * 60 + seconds) * 1000
}

/** A moment as a clock in UTC shows it, for what knows no other clock; undefined when it can't be, or is far ahead of now. */
export function utcClock(momentMs: number | undefined, yearMin: number, now: Date): Taken | undefined {
  if (momentMs === undefined || !(Math.abs(momentMs) < 8.64e15)) return undefined
  const date = new Date(momentMs)
  const wall = date.getUTCFullYear() < yearMin ? undefined : parseWallTime(date.toISOString(), now)
  return wall === undefined ? undefined : { wall, offsetMinutes: 0 }
}

/**
 * The zone's offset, from a wall clock and the same moment in UTC. Zones are quarters of an hour; a receiver's fix is
 * seconds to minutes old, so the difference is rounded. Undefined when no zone on Earth is that far away.
 */
export function offsetBetween(wall: string, momentMs: number | undefined): number | undefined {
  const wallMs = utcMs(wall)
  if (wallMs === undefined || momentMs === undefined) return undefined
  const minutes = Math.round((wallMs - momentMs) / 900_000) * 15
  return Math.abs(minutes) <= limits.offsetMinutes ? minutes || 0 : undefined
}

/** Undefined for 30 February, 25 o'clock and the like, which Date would carry over or refuse. */
function utcMs(wall: string): number | undefined {
  const epochMs = Date.parse(`${wall}Z`)
  const isReal = !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(wall)
  return isReal ? epochMs : undefined
}

function isWithin(value: unknown, end: number): value is number {
  return typeof value === 'number' && value >= 0 && value < end
}
