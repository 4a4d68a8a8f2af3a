/** @file Hostile tokenizers, and files of data sets. */
// timeout: 300
import { flac, idx, wav } from './formats/media.ts'
import { sentencePiece, tokenizerJson, vocabMerges, vocabTxt } from './formats/tokenizers.ts'
import { fuzz } from './fuzz.ts'

fuzz('hostile tokenizers and data', [tokenizerJson, vocabTxt, vocabMerges, sentencePiece, idx, wav, flac])
