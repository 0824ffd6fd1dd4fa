/** The goal: what a person calls one photo goes as one, and what only looks alike stays apart. */
import { describe, expect, test } from 'vitest'
import { groupFiles, pairCandidates, skippedBecause } from '../../src/client/groups.js'

interface Case {
  what: string
  files: readonly string[]
  /** Seconds of a file's time; all others are 0. */
  at?: Readonly<Record<string, number>>
  bytes?: Readonly<Record<string, number>>
  /** Each photo: its file, then `role:name` of its parts. */
  groups: readonly (readonly string[])[]
  skipped?: Readonly<Record<string, string>>
}

const cases: readonly Case[] = [
  {
    what: 'a Live Photo',
    files: ['IMG_1.HEIC', 'IMG_1.MOV', 'IMG_2.HEIC'],
    groups: [['IMG_1.HEIC', 'motion:IMG_1.MOV'], ['IMG_2.HEIC']],
  },
  {
    what: 'a Live Photo as JPEG, its video a second later, in other case',
    files: ['img_1.jpg', 'IMG_1.mov'],
    at: { 'IMG_1.mov': 1.5 },
    groups: [['img_1.jpg', 'motion:IMG_1.mov']],
  },
  { what: 'an MP4 does as well', files: ['a.heif', 'a.mp4'], groups: [['a.heif', 'motion:a.mp4']] },
  {
    what: 'a picture and a video of other times are strangers',
    files: ['MVI_1.JPG', 'MVI_1.MOV'],
    at: { 'MVI_1.MOV': 3600 },
    groups: [['MVI_1.JPG'], ['MVI_1.MOV']],
  },
  {
    what: 'a video too large for a moment is a video',
    files: ['a.jpg', 'a.mov'],
    bytes: { 'a.mov': 500e6 },
    groups: [['a.jpg'], ['a.mov']],
  },
  {
    what: 'a raw picture or a PNG has no moving half',
    files: ['a.dng', 'a.mov', 'b.mov', 'b.png'],
    groups: [['a.dng'], ['a.mov'], ['b.mov'], ['b.png']],
  },
  {
    what: 'of HEIC and JPEG of one name, the HEIC has it',
    files: ['a.heic', 'a.jpg', 'a.mov'],
    groups: [['a.heic', 'motion:a.mov'], ['a.jpg']],
  },
  {
    what: 'of two videos, one is the half',
    files: ['a.heic', 'a.mov', 'a.mp4'],
    groups: [['a.heic', 'motion:a.mov'], ['a.mp4']],
  },
  {
    what: 'an edit on a phone, with its recipe',
    files: ['IMG_1234.AAE', 'IMG_1234.HEIC', 'IMG_E1234.HEIC'],
    at: { 'IMG_E1234.HEIC': 99_999 },
    groups: [['IMG_1234.HEIC', 'edit:IMG_E1234.HEIC']],
    skipped: { 'IMG_1234.AAE': skippedBecause.recipe },
  },
  {
    what: 'an edited Live Photo: both halves of both',
    files: ['IMG_1234.HEIC', 'IMG_1234.MOV', 'IMG_E1234.JPG', 'IMG_E1234.MOV'],
    at: { 'IMG_E1234.JPG': 500, 'IMG_E1234.MOV': 500 },
    groups: [['IMG_1234.HEIC', 'edit:IMG_E1234.JPG', 'motion:IMG_1234.MOV', 'motion:IMG_E1234.MOV']],
  },
  {
    what: 'an edited video',
    files: ['IMG_7777.MOV', 'IMG_E7777.MOV'],
    groups: [['IMG_7777.MOV', 'edit:IMG_E7777.MOV']],
  },
  { what: 'an edit without its original', files: ['IMG_E1234.JPG'], groups: [['IMG_E1234.JPG']] },
  {
    what: 'edited copies in several languages and numbered ones',
    files: [
      'a-bearbeitet.jpg',
      'a.jpg',
      'b(1).jpg',
      'b-edited(1).jpg',
      'b.jpg',
      'c~2.jpg',
      'c~3.jpg',
      'c.jpg',
      'd-編集済み.jpg',
      'd.jpg',
    ],
    groups: [
      ['a.jpg', 'edit:a-bearbeitet.jpg'],
      ['b(1).jpg', 'edit:b-edited(1).jpg'],
      ['b.jpg'],
      ['c.jpg', 'edit:c~2.jpg', 'edit:c~3.jpg'],
      ['d.jpg', 'edit:d-編集済み.jpg'],
    ],
  },
  {
    what: 'an edit of an edit belongs to the photo',
    files: ['a.jpg', 'a~2.jpg', 'a~2-edited.jpg'],
    groups: [['a.jpg', 'edit:a~2.jpg', 'edit:a~2-edited.jpg']],
  },
  {
    what: 'an edit has the kind of its original, whatever its ending',
    files: ['a.heic', 'a-edited.jpg', 'b.mov', 'b-edited.jpg'],
    groups: [['a.heic', 'edit:a-edited.jpg'], ['b.mov'], ['b-edited.jpg']],
  },
  {
    what: 'copies that a system numbered are photos',
    files: ['a.jpg', 'a (2).jpg', 'a(1).jpg'],
    groups: [['a.jpg'], ['a (2).jpg'], ['a(1).jpg']],
  },
  {
    what: 'sidecars of both kinds, in any case',
    files: ['a.JPG', 'a.xmp', 'b.jpg', 'B.JPG.XMP', 'c.mov', 'c.mov.xmp'],
    groups: [
      ['a.JPG', 'sidecar:a.xmp'],
      ['b.jpg', 'sidecar:B.JPG.XMP'],
      ['c.mov', 'sidecar:c.mov.xmp'],
    ],
  },
  {
    what: 'of raw and JPEG the raw has the sidecar of the bare name',
    files: ['a.jpg', 'a.jpg.xmp', 'a.nef', 'a.xmp'],
    groups: [
      ['a.jpg', 'sidecar:a.jpg.xmp'],
      ['a.nef', 'sidecar:a.xmp'],
    ],
  },
  {
    what: 'the sidecar of a part is one of its photo',
    files: ['a-edited.jpg', 'a-edited.xmp', 'a.jpg', 'b.heic', 'b.mov', 'b.mov.xmp'],
    groups: [
      ['a.jpg', 'edit:a-edited.jpg', 'sidecar:a-edited.xmp'],
      ['b.heic', 'motion:b.mov', 'sidecar:b.mov.xmp'],
    ],
  },
  {
    what: 'nothing of a photo',
    files: ['a.xmp', 'notes.txt', '.xmp', 'b.aae'],
    groups: [],
    skipped: {
      'a.xmp': skippedBecause.lonelySidecar,
      'notes.txt': skippedBecause.otherKind,
      '.xmp': skippedBecause.otherKind,
      'b.aae': skippedBecause.recipe,
    },
  },
  {
    what: 'any script, put together or not',
    files: ['Gru\u0308ße.jpg', 'GRÜSSE.jpg', 'Grüße.xmp', 'фото.HEIC', 'ФОТО.mov', '写真.jpg', '写真.xmp'],
    groups: [
      ['Gru\u0308ße.jpg', 'sidecar:Grüße.xmp'],
      ['GRÜSSE.jpg'],
      ['фото.HEIC', 'motion:ФОТО.mov'],
      ['写真.jpg', 'sidecar:写真.xmp'],
    ],
  },
  {
    what: 'names that are words of JavaScript',
    files: ['__proto__.jpg', '__proto__.xmp', 'constructor.mov'],
    groups: [['__proto__.jpg', 'sidecar:__proto__.xmp'], ['constructor.mov']],
  },
]

test.each(cases)('$what', ({ files, at = {}, bytes = {}, groups, skipped = {} }) => {
  const candidates = new Set(pairCandidates(files))
  const grouped = groupFiles(files, name =>
    candidates.has(name) ? { modifiedMs: (at[name] ?? 0) * 1000, sizeBytes: bytes[name] ?? 1000 } : undefined,
  )
  expect(
    grouped.groups.map(({ whole, parts }) => [whole, ...parts.map(({ role, name }) => `${role}:${name}`)]),
  ).toEqual(groups)
  expect(Object.fromEntries(grouped.skipped.map(({ name, reason }) => [name, reason]))).toEqual(skipped)
})

describe('limits', () => {
  test('a video that could not be looked at is nobody’s half', () => {
    const { groups } = groupFiles(['a.jpg', 'a.mov'], () => undefined)
    expect(groups).toHaveLength(2)
  })

  test('a photo has so many parts; more are photos of their own, or left out', () => {
    const files = ['a.jpg', ...Array.from({ length: 90 }, (_, i) => `a~${i + 2}.jpg`), 'a.xmp']
    const { groups, skipped } = groupFiles(files, () => undefined)
    expect(groups[0]?.parts).toHaveLength(50)
    expect(groups).toHaveLength(1 + 40)
    expect(skipped).toEqual([{ name: 'a.xmp', reason: skippedBecause.manyParts }])
  })

  test('every file is in one place, whatever the names', () => {
    const stems = ['a', 'A', 'a~2', 'a-edited', 'a~2-edited', 'img_1234', 'img_e1234', 'IMG_E1234']
    const files = stems.flatMap(stem =>
      ['jpg', 'JPG', 'heic', 'mov', 'mp4', 'xmp', 'aae', 'jpg.xmp'].map(end => `${stem}.${end}`),
    )
    const { groups, skipped } = groupFiles(files, () => ({ modifiedMs: 0, sizeBytes: 1 }))
    const told = [
      ...groups.flatMap(({ whole, parts }) => [whole, ...parts.map(({ name }) => name)]),
      ...skipped.map(({ name }) => name),
    ]
    expect(told.sort()).toEqual(files.sort())
  })

  test('a hundred thousand names are sorted out in one go', () => {
    const files = Array.from({ length: 50_000 }, (_, i) => [`IMG_${i}.HEIC`, `IMG_${i}.MOV`]).flat()
    expect(pairCandidates(files)).toHaveLength(100_000)
    expect(groupFiles(files, () => ({ modifiedMs: 0, sizeBytes: 1 })).groups).toHaveLength(50_000)
  })
})
