/**
 * sharp with this project's settings, which hold for the whole process: the only place that may change them. Guarantees
 * that no bytes reach a loader that isn't listed here, whatever they claim to be: SVG, PDF and the rest stay closed, as
 * do files by path.
 */
import sharp from 'sharp'

// One thread a picture and as many pictures as cores: measured quicker, and the memory in use can be told beforehand.
sharp.concurrency(1)
// Every picture is read once; a cache of operations would only hold memory.
sharp.cache(false)
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadHeifBuffer', // AVIF
    'VipsForeignLoadNsgifBuffer',
    'VipsForeignLoadTiffBuffer',
  ],
})

export type { Sharp, SharpOptions } from 'sharp'
export { sharp }
