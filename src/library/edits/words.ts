/** Texts that an owner writes, made fit to keep, and wall clocks, read strictly. Pure. */
import { photoFactsLimits } from '../photo-facts.js'

/** Control and broken characters go, but lines stay lines; no database keeps all of them. */
export function cleanWords(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, '')
    .trim()
}

/** 'YYYY-MM-DDTHH:MM[:SS[.ffffff]]' with its seconds, when it is a real date since there are photographs; else undefined. */
export function parseWallClock(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d{1,6})?$/.exec(text)
  if (!match || (match[3] !== undefined && match[2] === undefined)) return undefined
  const seconds = `${match[1]}${match[2] ?? ':00'}`
  const date = new Date(`${seconds}Z`)
  // Dates such as 30 February are well-formed and exist nowhere.
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(seconds)
  if (!exists || date.getUTCFullYear() < photoFactsLimits.yearMin) return undefined
  return seconds + (match[3] ?? '')
}
