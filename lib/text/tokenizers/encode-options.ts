/** @file What `encode` and `encodeBatch` are asked for, checked. */
import { check, checkInteger, checkOptions } from '../../errors.ts'
import { SIDES, TRUNCATIONS } from './truncation.ts'
import type { Cutting, Side, Truncation } from './truncation.ts'

/** A text, or, with `isSplitIntoWords`, its words. */
export type TextOrWords = string | readonly string[]

/** A text or its words, or two of them. */
export type TextOrPair = TextOrWords | readonly [TextOrWords, TextOrWords]

interface CommonOptions {
  /** Default true. */
  addSpecialTokens?: boolean
  /** No more tokens than this, special ones included. Default: no limit. */
  maxLength?: number
  /** Where tokens are dropped. Default: what the folder's tokenizer_config.json says, else 'right'. */
  truncationSide?: Side
  /**
   * Texts are lists of words. No token crosses two of them, `wordIds` are their indices, offsets are those in the word. A tokenizer of
   * GPT-2's kind must put a space before each: `add_prefix_space` in its file. Default false.
   */
  isSplitIntoWords?: boolean
  /** Keep what is beyond `maxLength` as further parts: `overflowing`, and further rows of a batch. Default false. */
  returnOverflowing?: boolean
  /** Tokens that a part shares with the part before it. Default 0. */
  stride?: number
}

export interface EncodeOptions extends CommonOptions {
  /** A second text. */
  pair?: TextOrWords
  /** Which of two texts is shortened. Default 'longestFirst'. */
  truncation?: Truncation
}

export interface EncodeBatchOptions extends CommonOptions {
  /** true and 'longest': to the longest of the batch. 'maxLength': to `maxLength`. false: all must have one length. Default true. */
  padding?: boolean | 'longest' | 'maxLength'
  /** To a multiple of this. Default 1. */
  padToMultipleOf?: number
  /** Default: what the file says, or tokenizer_config.json beside it, else 'right'. */
  paddingSide?: Side
  /** Default: the file's padding token, or that of tokenizer_config.json. */
  padToken?: string
  /** Whether to cut to `maxLength`, and how. Default: true if there is a `maxLength`. */
  truncation?: boolean | Truncation
}

const COMMON = ['addSpecialTokens', 'maxLength', 'truncationSide', 'isSplitIntoWords', 'returnOverflowing', 'stride']
const ENCODE = [...COMMON, 'pair', 'truncation']
const BATCH = [...COMMON, 'padding', 'padToMultipleOf', 'paddingSide', 'padToken', 'truncation']

export const checkEncodeOptions = (op: string, options: EncodeOptions) => checkOptions(op, options, ENCODE)

export function checkBatchOptions(op: string, options: EncodeBatchOptions): void {
  checkOptions(op, options, BATCH)
  const { padding = true, padToMultipleOf = 1, paddingSide = 'right', maxLength } = options
  checkInteger(op, 'padToMultipleOf', padToMultipleOf, 1)
  checkSide(op, 'paddingSide', paddingSide)
  const isKnown = typeof padding === 'boolean' || padding === 'longest' || padding === 'maxLength'
  check(isKnown, 'VALUE', op, () => `padding must be true, false, longest or maxLength, got '${String(padding)}'.`)
  if (padding === 'maxLength') checkInteger(op, 'maxLength', maxLength ?? -1, 1)
}

/** The options of each text of a batch. */
export function optionsOfEach(options: EncodeBatchOptions): EncodeOptions {
  const { truncation = true, maxLength, addSpecialTokens, truncationSide, isSplitIntoWords } = options
  const { returnOverflowing, stride } = options
  return {
    ...{ addSpecialTokens, truncationSide, isSplitIntoWords, returnOverflowing, stride },
    ...(truncation !== false && maxLength !== undefined && { maxLength }),
    ...(typeof truncation === 'string' && { truncation }),
  }
}

export function cuttingOf(op: string, options: EncodeOptions, side: Side): Cutting {
  const { truncation = 'longestFirst', truncationSide = side, stride = 0, returnOverflowing = false } = options
  const isKnown = TRUNCATIONS.includes(truncation)
  check(isKnown, 'VALUE', op, () => `truncation must be one of ${TRUNCATIONS.join(', ')}, got '${truncation}'.`)
  checkSide(op, 'truncationSide', truncationSide)
  checkInteger(op, 'stride', stride, 0)
  return { truncation, side: truncationSide, stride, keepsRest: returnOverflowing }
}

export function checkSide(op: string, name: string, side: Side): void {
  check(SIDES.includes(side), 'VALUE', op, () => `${name} must be left or right, got '${side}'.`)
}

export function isPair(item: TextOrPair, isSplitIntoWords: boolean): item is readonly [TextOrWords, TextOrWords] {
  return Array.isArray(item) && item.length === 2 && item.every((text) => !isSplitIntoWords || Array.isArray(text))
}

/** A text as the list of what is encoded on its own: itself, or its words. */
export function wordsOf(op: string, text: unknown, isSplitIntoWords: boolean): readonly string[] {
  if (typeof text === 'string' && !isSplitIntoWords) return [text]
  const isWords = Array.isArray(text) && text.every((word) => typeof word === 'string')
  if (isWords && isSplitIntoWords) return text as string[]
  const rule = isSplitIntoWords
    ? 'with isSplitIntoWords a text must be a list of strings'
    : isWords
      ? 'a text must be a string (isSplitIntoWords takes lists of words)'
      : 'a text must be a string'
  check(false, 'VALUE', op, () => `${rule}, got ${Array.isArray(text) ? 'a list' : typeof text}.`)
}
