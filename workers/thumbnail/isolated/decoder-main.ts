/** The program of a decoder process; decoder-process.ts starts it. */
import { developPicture } from '../picture/render.js'
import { answerPhotos } from './answer-photos.js'

await answerPhotos(developPicture)
