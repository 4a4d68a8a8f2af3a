/** @file Tokenizer: text to ids and back, as a tokenizer.json describes it. Reading other files and training give such a description. */
import { writeFile } from 'node:fs/promises'
import { check, checkInteger, checkOptions, fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { fromBuffer } from '../../ops/create.ts'
import { addedTokensOf, AddedTokens, checkIds } from './added-tokens.ts'
import { ByteLevelModel } from './byte-level.ts'
import { decoderOf, DecodeStream } from './decoders.ts'
import type { Decoder } from './decoders.ts'
import { assemble, pad, SIDES, truncate, TRUNCATIONS } from './encoding.ts'
import type { Encoding, Padding, Run, Side, Slot, Truncation } from './encoding.ts'
import { readDescription } from './files.ts'
import { Json } from './json.ts'
import { RememberingModel } from './model.ts'
import type { Model } from './model.ts'
import { modelOf } from './models.ts'
import { normalizerOf, trimmed } from './normalizers.ts'
import { numSpecials, postProcessorOf, withoutSpecials } from './post-processors.ts'
import type { PostProcessor } from './post-processors.ts'
import { splittingOf } from './pre-tokenizers.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import { describeTraining } from './train.ts'
import type { TrainOptions } from './train.ts'

export interface EncodeOptions {
  /** A second text. */
  pair?: string
  /** Default true. */
  addSpecialTokens?: boolean
  /** No more tokens than this, special ones included. Default: no limit. */
  maxLength?: number
  /** Which of two texts is shortened. Default 'longestFirst'. */
  truncation?: Truncation
  /** Where tokens are dropped. Default 'right'. */
  truncationSide?: Side
}

export interface EncodeBatchOptions extends Omit<EncodeOptions, 'pair' | 'truncation'> {
  /** true and 'longest': to the longest of the batch. 'maxLength': to `maxLength`. false: all must have one length. Default true. */
  padding?: boolean | 'longest' | 'maxLength'
  /** To a multiple of this. Default 1. */
  padToMultipleOf?: number
  /** Default: what the file says, else 'right'. */
  paddingSide?: Side
  /** Default: the file's padding token. */
  padToken?: string
  /** Whether to cut to `maxLength`, and how. Default: true if there is a `maxLength`. */
  truncation?: boolean | Truncation
}

/** Integers i64 of shape [B, T], and what each text became. */
export interface EncodedBatch {
  readonly ids: Tensor
  readonly attentionMask: Tensor
  readonly typeIds: Tensor
  readonly encodings: readonly Encoding[]
}

export interface DecodeOptions {
  /** Default true. */
  skipSpecialTokens?: boolean
}

const ENCODE_OPTIONS = ['pair', 'addSpecialTokens', 'maxLength', 'truncation', 'truncationSide'] as const
const BATCH_OPTIONS = [
  ...['padding', 'padToMultipleOf', 'paddingSide', 'padToken', 'truncation'],
  ...['addSpecialTokens', 'maxLength', 'truncationSide'],
] as const
const PAD_TOKENS = ['[PAD]', '<pad>', '<|pad|>', '<|finetune_right_pad_id|>', '<|endoftext|>', '</s>']

export class Tokenizer {
  readonly #json: unknown
  readonly #model: Model
  readonly #ids: Map<string, number>
  readonly #names: Map<number, string>
  readonly #added: AddedTokens
  readonly #specials: ReadonlySet<number>
  readonly #split: PreTokenizer
  readonly #post: PostProcessor
  readonly #decoder: Decoder
  readonly #padding: Json

  /** `name` is what errors call the description. */
  private constructor(description: unknown, name: string) {
    const json = new Json(name, description)
    const normalizer = normalizerOf(json.field('normalizer'))
    const { split, isByteLevel } = splittingOf(json.field('pre_tokenizer'))
    const { model, vocabulary } = modelOf(json.field('model'))
    const added = addedTokensOf(json.field('added_tokens'), vocabulary)
    this.#json = description
    this.#ids = new Map(vocabulary)
    this.#names = new Map(Array.from(vocabulary, ([token, id]) => [id, token]))
    checkIds(name, added, this.#names)
    for (const { content, id } of added) {
      this.#ids.set(content, id)
      this.#names.set(id, content)
    }
    this.#model = new RememberingModel(isByteLevel ? new ByteLevelModel(model) : model)
    this.#added = new AddedTokens(added, normalizer)
    this.#specials = new Set(added.filter(({ special }) => special).map(({ id }) => id))
    this.#split = split
    this.#post = postProcessorOf(json.field('post_processor'))
    this.#decoder = decoderOf(json.field('decoder'))
    this.#padding = json.field('padding')
  }

  /**
   * Reads a tokenizer.json, a vocab.json (with merges.txt beside it; also encoder.json and vocab.bpe), a WordPiece vocab.txt, a
   * SentencePiece model, or a folder that holds one of them. FORMAT for a file that is none of these. Truncation that a
   * tokenizer.json asks for is not applied unless it is asked for here too.
   */
  static async fromFile(path: string): Promise<Tokenizer> {
    const { name, description } = await readDescription(path)
    return new Tokenizer(description, name)
  }

  /** Of the content of a tokenizer.json, as text or parsed. `name` is what errors call it. */
  static fromJson(content: unknown, name = 'tokenizer.json'): Tokenizer {
    // Parsed anew, so that nobody else may change it.
    return new Tokenizer(Json.parse(name, typeof content === 'string' ? content : JSON.stringify(content)).value, name)
  }

  /** Learns a vocabulary from texts. */
  static async train(options: TrainOptions): Promise<Tokenizer> {
    return new Tokenizer(await describeTraining(options), 'Tokenizer.train')
  }

  /** Writes a tokenizer.json. */
  async save(path: string): Promise<void> {
    await writeFile(path, JSON.stringify(this.#json, null, 1))
  }

  /** The content of a tokenizer.json. */
  toJson(): unknown {
    return structuredClone(this.#json)
  }

  /** One more than the largest id, added tokens included. */
  get vocabSize(): number {
    let size = 0
    for (const id of this.#names.keys()) size = Math.max(size, id + 1)
    return size
  }

  /** Ids by token, added tokens included. */
  get vocabulary(): ReadonlyMap<string, number> {
    return this.#ids
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.#names.get(id)
  }

  /** The same with more tokens, which are found before a text is split. Ids follow those that are there. */
  withTokens(tokens: readonly string[], { special = false }: { special?: boolean } = {}): Tokenizer {
    const json = this.toJson() as { added_tokens?: unknown[] }
    const list = (json.added_tokens ??= [])
    let next = this.vocabSize
    for (const content of new Set(tokens)) {
      if (content.length === 0) fail('VALUE', 'Tokenizer.withTokens', `a token must not be empty, got ''.`)
      const id = this.#ids.get(content) ?? next++
      list.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special })
    }
    return new Tokenizer(json, 'Tokenizer.withTokens')
  }

  encode(text: string, options: EncodeOptions = {}): Encoding {
    checkOptions('Tokenizer.encode', options, ENCODE_OPTIONS)
    return this.#encode('Tokenizer.encode', text, options)
  }

  /** Encodes texts, or pairs of texts, to one length. */
  encodeBatch(texts: readonly (string | readonly [string, string])[], options: EncodeBatchOptions = {}): EncodedBatch {
    const op = 'Tokenizer.encodeBatch'
    checkOptions(op, options, BATCH_OPTIONS)
    const {
      padding = true,
      padToMultipleOf = 1,
      maxLength,
      truncation = true,
      addSpecialTokens,
      truncationSide,
    } = options
    const common: EncodeOptions = { addSpecialTokens, truncationSide }
    if (truncation !== false && maxLength !== undefined) common.maxLength = maxLength
    if (typeof truncation === 'string') common.truncation = truncation
    const encodings = texts.map((item) => {
      const [text, pair] = typeof item === 'string' ? [item] : item
      return this.#encode(op, text, pair === undefined ? common : { ...common, pair })
    })
    checkInteger(op, 'padToMultipleOf', padToMultipleOf, 1)
    if (padding === 'maxLength') checkInteger(op, 'maxLength', maxLength ?? -1, 1)
    const longest = encodings.reduce(
      (most, { ids }) => Math.max(most, ids.length),
      padding === 'maxLength' ? maxLength! : 0,
    )
    const length = Math.ceil(longest / padToMultipleOf) * padToMultipleOf
    const isEven = encodings.every(({ ids }) => ids.length === length)
    check(padding !== false || isEven, 'VALUE', op, () => `texts of different lengths need padding, got padding false.`)
    const filling = isEven ? null : this.#fillingOf(op, options)
    const even = filling ? encodings.map((encoding) => pad(encoding, length, filling)) : encodings
    return {
      ids: integers(even, 'ids', length),
      attentionMask: integers(even, 'attentionMask', length),
      typeIds: integers(even, 'typeIds', length),
      encodings: even,
    }
  }

  /** The text of ids; ids that are no token are left out. */
  decode(ids: Iterable<number | bigint>, options: DecodeOptions = {}): string {
    checkOptions('Tokenizer.decode', options, ['skipSpecialTokens'])
    const { skipSpecialTokens = true } = options
    const tokens: string[] = []
    for (const id of ids) {
      const token = this.#names.get(Number(id))
      if (token !== undefined && !(skipSpecialTokens && this.#specials.has(Number(id)))) tokens.push(token)
    }
    return this.#decoder(tokens).join('')
  }

  /** For text as it is generated: `push(id)` gives what has become readable, `flush()` the rest. */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    checkOptions('Tokenizer.decodeStream', options, ['skipSpecialTokens'])
    return new DecodeStream((ids) => this.decode(ids, options))
  }

  #encode(op: string, text: string, options: EncodeOptions): Encoding {
    const { pair, addSpecialTokens = true, maxLength, truncation = 'longestFirst', truncationSide = 'right' } = options
    const texts = pair === undefined ? [text] : [text, pair]
    for (const given of texts)
      check(typeof given === 'string', 'VALUE', op, () => `a text must be a string, got ${typeof given}.`)
    check(
      TRUNCATIONS.includes(truncation),
      'VALUE',
      op,
      () => `truncation must be one of ${TRUNCATIONS.join(', ')}, got '${truncation}'.`,
    )
    check(
      SIDES.includes(truncationSide),
      'VALUE',
      op,
      () => `truncationSide must be left or right, got '${truncationSide}'.`,
    )
    const all = pair === undefined ? this.#post.single : this.#post.pair
    const slots: readonly Slot[] = addSpecialTokens ? all : withoutSpecials(all)
    const name = (id: number): string => this.#names.get(id) ?? ''
    let runs = texts.map((given) => this.#run(given))
    if (maxLength !== undefined) {
      checkInteger(op, 'maxLength', maxLength, 0)
      const room = maxLength - numSpecials(slots)
      check(
        room >= 0,
        'VALUE',
        op,
        () => `maxLength must have room for ${numSpecials(slots)} special tokens, got ${maxLength}.`,
      )
      runs = truncate(op, runs, room, truncation, truncationSide)
    }
    const { trim } = this.#post
    return assemble(slots, trim ? runs.map((run) => trim(run, name)) : runs, name)
  }

  #run(text: string): Run {
    const run: Run = { ids: [], starts: [], ends: [], words: [] }
    let word = 0
    const put = (id: number, start: number, end: number): void => {
      run.ids.push(id)
      run.starts.push(start)
      run.ends.push(end)
      run.words.push(word)
    }
    for (const { id, piece } of this.#added.cut(text)) {
      if (id >= 0) {
        // Spaces that it swallowed are trimmed like those of other tokens.
        const own = this.#post.trim ? trimmed(piece) : piece
        put(id, own.start(0), own.end(own.text.length - 1))
        word++
        continue
      }
      for (const part of this.#split(piece)) {
        if (part.text.length === 0) continue
        const { ids, starts, ends } = this.#model.tokenize(part.text)
        for (let i = 0; i < ids.length; i++) put(ids[i]!, part.start(starts[i]!), part.end(ends[i]! - 1))
        word++
      }
    }
    return run
  }

  #fillingOf(op: string, { paddingSide, padToken }: EncodeBatchOptions): Padding {
    check(
      paddingSide === undefined || SIDES.includes(paddingSide),
      'VALUE',
      op,
      () => `paddingSide must be left or right, got '${paddingSide}'.`,
    )
    const json = this.#padding
    const isNone = json.isNone
    const known = isNone ? undefined : json.field('pad_token').text()
    const token = padToken ?? known ?? PAD_TOKENS.find((name) => this.#ids.has(name))
    if (token === undefined) return fail('VALUE', op, 'there is no token to pad with. Give padToken.')
    const id = this.#ids.get(token) ?? (token === known ? json.field('pad_id').index() : undefined)
    if (id === undefined) return fail('VALUE', op, `padToken must be a token, got '${token}'.`)
    const side = isNone
      ? 'right'
      : json.field('direction').choice(['Left', 'Right'], 'Right') === 'Left'
        ? 'left'
        : 'right'
    return { id, token, typeId: isNone ? 0 : json.field('pad_type_id').index(0), side: paddingSide ?? side }
  }
}

function integers(encodings: readonly Encoding[], field: 'ids' | 'attentionMask' | 'typeIds', length: number): Tensor {
  const all = new BigInt64Array(encodings.length * length)
  encodings.forEach((encoding, row) => encoding[field].forEach((n, i) => (all[row * length + i] = BigInt(n))))
  return fromBuffer(all.buffer, [encodings.length, length], 'i64')
}

export type { TrainOptions as TokenizerTrainOptions }
