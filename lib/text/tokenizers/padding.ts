/** @file What fills encodings up to one length, and the integers of a batch. */
import { check, fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { fromBuffer } from '../../ops/create.ts'
import type { EncodeBatchOptions } from './encode-options.ts'
import type { Encoding } from './encoding.ts'
import type { FolderSettings } from './folder-settings.ts'
import type { Json } from './json.ts'
import type { Side } from './truncation.ts'

export interface Padding {
  readonly id: number
  readonly token: string
  readonly typeId: number
  readonly side: Side
}

/** Where nothing says what to pad with. */
const PAD_TOKENS = ['[PAD]', '<pad>', '<|pad|>', '<|finetune_right_pad_id|>', '<|endoftext|>', '</s>']

/** What a batch is filled with: as the options say, else the tokenizer.json (its entry `padding`), else the folder's settings. */
export function paddingOf(
  op: string,
  { paddingSide, padToken }: Pick<EncodeBatchOptions, 'paddingSide' | 'padToken'>,
  json: Json,
  settings: FolderSettings,
  ids: ReadonlyMap<string, number>,
): Padding {
  const isNone = json.isNone
  const inFile = isNone ? undefined : json.field('pad_token').text()
  const token = padToken ?? inFile ?? [settings.padToken ?? '', ...PAD_TOKENS].find((name) => ids.has(name))
  if (token === undefined) return fail('VALUE', op, 'there is no token to pad with. Give padToken.')
  const id = ids.get(token) ?? (token === inFile ? json.field('pad_id').index() : undefined)
  if (id === undefined) return fail('VALUE', op, `padToken must be a token, got '${token}'.`)
  const direction = isNone ? null : json.field('direction').choice(['Left', 'Right'], 'Right')
  const side = direction === null ? (settings.paddingSide ?? 'right') : direction === 'Left' ? 'left' : 'right'
  return { id, token, typeId: isNone ? 0 : json.field('pad_type_id').index(0), side: paddingSide ?? side }
}

/** An encoding, and those of its further parts, filled up to a length. */
export function pad(encoding: Encoding, length: number, padding: Padding): Encoding {
  const { id, token, typeId, side } = padding
  const missing = Math.max(0, length - encoding.ids.length)
  const fill = <T>(list: readonly T[], value: T): T[] => {
    const filling = new Array<T>(missing).fill(value)
    return side === 'right' ? [...list, ...filling] : [...filling, ...list]
  }
  return {
    ids: fill(encoding.ids, id),
    tokens: fill(encoding.tokens, token),
    offsets: fill<[number, number]>(encoding.offsets, [0, 0]),
    attentionMask: fill(encoding.attentionMask, 0),
    typeIds: fill(encoding.typeIds, typeId),
    specialTokensMask: fill(encoding.specialTokensMask, 1),
    wordIds: fill<number | null>(encoding.wordIds, null),
    sequenceIds: fill<0 | 1 | null>(encoding.sequenceIds, null),
    ...(encoding.overflowing && { overflowing: encoding.overflowing.map((part) => pad(part, length, padding)) }),
  }
}

/** All encodings filled up to the length that the options ask for. */
export function padAll(
  op: string,
  encodings: readonly Encoding[],
  { padding = true, padToMultipleOf = 1, maxLength = 0 }: EncodeBatchOptions,
  fillingOf: () => Padding,
): { even: readonly Encoding[]; length: number } {
  const low = padding === 'maxLength' ? maxLength : 0
  const longest = encodings.reduce((most, { ids }) => Math.max(most, ids.length), low)
  const length = Math.ceil(longest / padToMultipleOf) * padToMultipleOf
  if (encodings.every(({ ids }) => ids.length === length)) return { even: encodings, length }
  check(padding !== false, 'VALUE', op, () => `texts of different lengths need padding, got padding false.`)
  const filling = fillingOf()
  return { even: encodings.map((encoding) => pad(encoding, length, filling)), length }
}

/** One of the lists of every encoding, [B, length]. */
export function integers(
  encodings: readonly Encoding[],
  field: 'ids' | 'attentionMask' | 'typeIds',
  length: number,
): Tensor {
  const all = new BigInt64Array(encodings.length * length)
  encodings.forEach((encoding, row) => encoding[field].forEach((n, i) => (all[row * length + i] = BigInt(n))))
  return fromBuffer(all.buffer, [encodings.length, length], 'i64')
}
