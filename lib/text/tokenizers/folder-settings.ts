/** @file tokenizer_config.json, which stands beside a tokenizer.json and says how models want its tokens. */
import type { Json } from './json.ts'
import { SIDES } from './truncation.ts'
import type { Side } from './truncation.ts'

export interface FolderSettings {
  /** All that the file says. */
  readonly values: Readonly<Record<string, unknown>>
  readonly padToken?: string
  readonly paddingSide?: Side
  readonly truncationSide?: Side
}

export const noSettings: FolderSettings = { values: {} }

export function settingsOf(json: Json): FolderSettings {
  const token = json.field('pad_token')
  const [padding, truncation] = [json.field('padding_side'), json.field('truncation_side')]
  return {
    values: json.value as Record<string, unknown>,
    ...(!token.isNone && { padToken: (token.isObject ? token.field('content') : token).text() }),
    ...(!padding.isNone && { paddingSide: padding.choice(SIDES) }),
    ...(!truncation.isNone && { truncationSide: truncation.choice(SIDES) }),
  }
}

/** What special tokens are for, by what they are called. */
const roles: Readonly<Record<string, readonly string[]>> = {
  bos_token: ['<s>', '<|startoftext|>', '<|begin_of_text|>'],
  eos_token: ['</s>', '<|endoftext|>', '<|end_of_text|>'],
  unk_token: ['[UNK]', '<unk>'],
  cls_token: ['[CLS]'],
  sep_token: ['[SEP]'],
  pad_token: ['[PAD]', '<pad>', '<|pad|>'],
  mask_token: ['[MASK]', '<mask>'],
}

/** The content of tokenizer_config.json: what was read, else what transformers needs to load a tokenizer.json. `isSpecial` tells special tokens. */
export function settingsForFile({ values }: FolderSettings, isSpecial: (token: string) => boolean): object {
  if (Object.keys(values).length > 0) return values
  const found = Object.entries(roles).map(([role, names]) => [role, names.find(isSpecial)] as const)
  return { tokenizer_class: 'PreTrainedTokenizerFast', ...Object.fromEntries(found) }
}
