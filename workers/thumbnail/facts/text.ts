/** Texts that a file holds, made fit to keep: bounded, of one line or few, without characters that can't be seen. Pure. */
import { photoFactsLimits as limits } from '../../../src/library/photo-facts.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** No field that is read here is longer; what follows is cut before anything looks at it. */
const fieldBytes = 16 * 1024

/** UTF-8, as most cameras write whatever the standard says; what isn't is taken for Latin-1. */
export function decodeText(bytes: Buffer): string {
  let end = Math.min(bytes.length, fieldBytes)
  // A cut may go through a character: its beginning is taken off.
  for (let back = 0; back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back++) end--
  const field = bytes.subarray(0, end)
  try {
    return utf8.decode(field)
  } catch {
    return field.toString('latin1')
  }
}

/** Control, formatting (they can turn text around) and broken characters go; spaces are joined; long names are cut. */
export function cleanName(value: string | undefined): string | null {
  if (value === undefined) return null
  const name = cut(oneLine(value), limits.textChars)
  return name === '' || /^(unknown|n\/a|none|[-?*.\s]+)$/i.test(name) ? null : name
}

/** As a name, but lines stay lines; null when a camera wrote it rather than a person. */
export function cleanDescription(value: string | undefined): string | null {
  if (value === undefined) return null
  const lines = value
    .slice(0, fieldBytes)
    .split(/\r\n?|\n/)
    .map(oneLine)
  const text = cut(
    lines
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    limits.descriptionChars,
  )
  return text === '' || boilerplate.test(text) || settings.test(text) ? null : text
}

/** What cameras and programs put where a person's words belong. */
const boilerplate = new RegExp(
  `^(${[
    'dcim([/\\\\].*)?|picture|image|photo|default|untitled|binary comment|gainmap|created with (the )?gimp',
    '(sony|konica|minolta|konica minolta|maginon) (dsc|dc-?)\\S*|(konica )?minolta digital camera',
    '(olympus|samsung|kodak|vivitar|polaroid|nikon|casio|pentax|fujifilm|panasonic|hp|benq|acer|aiptek|rollei|praktica)? ?(digital|still)( still)? ?camera',
    'jpeg[ _]?(image|encoder).*|exif[ _]jpeg.*|processed with [^ ]+|dig_?cam\\S*',
    // Huawei's codes of what the camera did.
    '(oz)?(nor|edf|btf|sdr|fbt|cav|dav|mde|cof|bty|ptr|rpt|hdr|hdrpl|rbtf|edfmdn|btfmdn|nor(wo)?)',
    '\\d{8}[ _-]?\\d{0,6}|[-_.?*\\s]+',
  ].join('|')})$`,
  'i',
)

/** Some phones list what their camera was set to: 'filter: 0; jpegRotation: 90; hdr: 1; …'. */
const settings = /^(?:\w{1,40}: ?[-\w.]{0,40}; ?){3}/

/** An identifier as it is, when it can be one: printable, without spaces inside, and not just zeros. */
export function cleanId(value: string | undefined): string | null {
  const id = value?.trim() ?? ''
  return id.length <= limits.idChars && /^[\x21-\x7e]+$/.test(id) && !/^[0-]+$/.test(id) ? id : null
}

function oneLine(value: string): string {
  return value
    .slice(0, fieldBytes)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : [...text].slice(0, chars).join('').trim()
}
