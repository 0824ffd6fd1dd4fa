/** What a photo may be made of besides its original: each part is an original of its own, stored and verified like any other. */
export const partRoles = [
  'motion', // a video of the moment around the picture
  'edit', // the same photo as its owner changed it; it is what people look at
  'sidecar', // an XMP file: words and stars about it
] as const

export type PartRole = (typeof partRoles)[number]
