/** @file Hostile tokenizers, and files of data sets. */
// timeout: 300
import { suite } from '../support/suite.ts'
import { flac, idx, wav } from './formats/media.ts'
import { sentencePiece, tokenizerJson, vocabMerges, vocabTxt } from './formats/tokenizers.ts'
import { fuzz } from './fuzz.ts'

fuzz(suite('hostile tokenizers and data'), [tokenizerJson, vocabTxt, vocabMerges, sentencePiece, idx, wav, flac])
