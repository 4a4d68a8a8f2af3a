/** @file The model of a tokenizer.json by its type. */
import { BpeModel } from './bpe.ts'
import type { Json } from './json.ts'
import type { LoadedModel } from './model.ts'
import { UnigramModel } from './unigram.ts'
import { WordLevelModel, WordPieceModel } from './wordpiece.ts'

/** The model of a tokenizer.json. */
export function modelOf(json: Json): LoadedModel {
  const type = json.field('type')
  switch (type.isNone ? guess(json) : type.text()) {
    case 'BPE':
      return BpeModel.read(json)
    case 'WordPiece':
      return WordPieceModel.read(json)
    case 'Unigram':
      return UnigramModel.read(json)
    case 'WordLevel':
      return WordLevelModel.read(json)
    default:
      return type.refuse('must be BPE, WordPiece, Unigram or WordLevel')
  }
}

/** Older files do not say. */
function guess(json: Json): string {
  if (!json.field('merges').isNone) return 'BPE'
  if (Array.isArray(json.field('vocab').value)) return 'Unigram'
  return json.field('continuing_subword_prefix').isNone ? 'WordLevel' : 'WordPiece'
}
