/** @file Tokenizer: text to ids and back, as a tokenizer.json describes it. Reading other files and training give such a description. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { check, checkInteger, checkOptions, fail } from '../../errors.ts'
import type { GgufValue } from '../../io/gguf-write.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { writeAside } from '../../io/write-aside.ts'
import { addedTokensOf, AddedTokens, checkIds } from './added-tokens.ts'
import { ByteLevelModel } from './byte-level.ts'
import { cleanedUp, decoderOf, DecodeStream } from './decoders.ts'
import type { Decoder } from './decoders.ts'
import { checkBatchOptions, checkEncodeOptions, cuttingOf, isPair, optionsOfEach, wordsOf } from './encode-options.ts'
import type { EncodeBatchOptions, EncodeOptions, TextOrPair, TextOrWords } from './encode-options.ts'
import { assemble } from './encoding.ts'
import type { Encoding, Run, Slot } from './encoding.ts'
import { readDescription } from './files.ts'
import { noSettings, settingsForFile } from './folder-settings.ts'
import type { FolderSettings } from './folder-settings.ts'
import { ggufOfTokenizer } from './gguf-write.ts'
import { Json } from './json.ts'
import { RememberingModel } from './model.ts'
import type { Model } from './model.ts'
import { modelOf } from './models.ts'
import { normalizerOf, trimmed } from './normalizers.ts'
import { integers, padAll, paddingOf } from './padding.ts'
import { numSpecials, postProcessorOf, withoutSpecials } from './post-processors.ts'
import type { PostProcessor } from './post-processors.ts'
import { splittingOf } from './pre-tokenizers.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import { describeTraining } from './train.ts'
import type { TrainOptions } from './train.ts'
import { truncate } from './truncation.ts'

/** Integers i64 of shape [B, T], and what each text became. */
export interface EncodedBatch {
  readonly ids: Tensor
  readonly attentionMask: Tensor
  readonly typeIds: Tensor
  readonly encodings: readonly Encoding[]
  /** Which text a row is of: with `returnOverflowing` the parts of a text are rows one behind the other. */
  readonly samples: readonly number[]
}

export interface DecodeOptions {
  /** Default true. */
  skipSpecialTokens?: boolean
  /** Take out the spaces before . , ? ! and English short forms that splitting into words left. Default false. */
  cleanUp?: boolean
}

export interface WithTokensOptions {
  /** Left out by `decode`, and found in the text as it is. Default false. */
  special?: boolean
  /** Take the spaces before it too. Default false. */
  lstrip?: boolean
  /** Take the spaces behind it too. Default false. */
  rstrip?: boolean
  /** Never found inside of a word. Default false. */
  singleWord?: boolean
  /** Looked for in the normalised text. Default: unless it is special. */
  normalized?: boolean
}

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
  readonly #settings: FolderSettings

  /** `name` is what errors call the description. */
  private constructor(description: unknown, name: string, settings = noSettings) {
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
    this.#settings = settings
  }

  /**
   * Reads a tokenizer.json, a vocab.json (with merges.txt beside it; also encoder.json and vocab.bpe), a WordPiece vocab.txt, a
   * SentencePiece model, a GGUF file, or a folder that holds one of the others; of tokenizer_config.json beside it the padding token and sides.
   * FORMAT for a file that is none of these. Truncation that a tokenizer.json asks for is not applied unless it is asked for here too.
   */
  static async fromFile(path: string): Promise<Tokenizer> {
    const { name, description, settings } = await readDescription(path)
    return new Tokenizer(description, name, settings)
  }

  /** That of a model's folder in Hugging Face's form: `fromFile`, the other half of `models.fromPretrained`. */
  static fromPretrained(folder: string): Promise<Tokenizer> {
    return Tokenizer.fromFile(folder)
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

  /** Writes a tokenizer.json of that name; into any other path, as a folder, tokenizer.json and the tokenizer_config.json that transformers reads. */
  async save(path: string): Promise<void> {
    if (path.endsWith('.json')) return writeJson(path, this.#json)
    await mkdir(path, { recursive: true })
    await writeJson(join(path, 'tokenizer.json'), this.#json)
    const isSpecial = (token: string) => this.#specials.has(this.#ids.get(token) ?? -1)
    await writeJson(join(path, 'tokenizer_config.json'), settingsForFile(this.#settings, isSpecial))
  }

  /** @internal What a GGUF file says of it: see `model.save('x.gguf', { tokenizer })`. */
  toGguf(): Readonly<Record<string, GgufValue>> {
    return ggufOfTokenizer({ description: this.#json, settings: this.#settings.values, ids: this.#ids })
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
  withTokens(tokens: readonly string[], options: WithTokensOptions = {}): Tokenizer {
    const op = 'Tokenizer.withTokens'
    checkOptions(op, options, ['special', 'lstrip', 'rstrip', 'singleWord', 'normalized'])
    const { special = false, lstrip = false, rstrip = false, singleWord = false, normalized = !special } = options
    const json = this.toJson() as { added_tokens?: unknown[] }
    const list = (json.added_tokens ??= [])
    let next = this.vocabSize
    for (const content of new Set(tokens)) {
      if (content.length === 0) fail('VALUE', op, `a token must not be empty, got ''.`)
      const id = this.#ids.get(content) ?? next++
      list.push({ id, content, single_word: singleWord, lstrip, rstrip, normalized, special })
    }
    return new Tokenizer(json, op, this.#settings)
  }

  encode(text: TextOrWords, options: EncodeOptions = {}): Encoding {
    const op = 'Tokenizer.encode'
    checkEncodeOptions(op, options)
    const [first, ...rest] = this.#encode(op, text, options)
    return options.returnOverflowing ? { ...first!, overflowing: rest } : first!
  }

  /** Encodes texts, or pairs of texts, to one length. */
  encodeBatch(texts: readonly TextOrPair[], options: EncodeBatchOptions = {}): EncodedBatch {
    const op = 'Tokenizer.encodeBatch'
    checkBatchOptions(op, options)
    const each = optionsOfEach(options)
    const parts = texts.map((item) => {
      if (!isPair(item, options.isSplitIntoWords ?? false)) return this.#encode(op, item, each)
      return this.#encode(op, item[0], { ...each, pair: item[1] })
    })
    const { even, length } = padAll(op, parts.flat(), options, () =>
      paddingOf(op, options, this.#padding, this.#settings, this.#ids),
    )
    return {
      ids: integers(even, 'ids', length),
      attentionMask: integers(even, 'attentionMask', length),
      typeIds: integers(even, 'typeIds', length),
      encodings: even,
      samples: parts.flatMap(({ length: count }, i) => new Array<number>(count).fill(i)),
    }
  }

  /** The text of ids; ids that are no token are left out. */
  decode(ids: Iterable<number | bigint>, options: DecodeOptions = {}): string {
    checkOptions('Tokenizer.decode', options, ['skipSpecialTokens', 'cleanUp'])
    const { skipSpecialTokens = true, cleanUp = false } = options
    const tokens: string[] = []
    for (const id of ids) {
      const token = this.#names.get(Number(id))
      if (token !== undefined && !(skipSpecialTokens && this.#specials.has(Number(id)))) tokens.push(token)
    }
    const text = this.#decoder(tokens).join('')
    return cleanUp ? cleanedUp(text) : text
  }

  /** The texts of rows of ids. */
  decodeBatch(rows: readonly Iterable<number | bigint>[], options: DecodeOptions = {}): string[] {
    return rows.map((ids) => this.decode(ids, options))
  }

  /** For text as it is generated: `push(id)` gives what has become readable, `flush()` the rest. */
  decodeStream(options: Omit<DecodeOptions, 'cleanUp'> = {}): DecodeStream {
    checkOptions('Tokenizer.decodeStream', options, ['skipSpecialTokens'])
    return new DecodeStream((ids) => this.decode(ids, options))
  }

  /** One encoding, and those of the further parts if they are asked for. */
  #encode(op: string, text: TextOrWords, options: EncodeOptions): Encoding[] {
    const { pair, addSpecialTokens = true, maxLength, isSplitIntoWords = false } = options
    const texts = (pair === undefined ? [text] : [text, pair]).map((given) => wordsOf(op, given, isSplitIntoWords))
    const all = pair === undefined ? this.#post.single : this.#post.pair
    const slots: readonly Slot[] = addSpecialTokens ? all : withoutSpecials(all)
    const cutting = cuttingOf(op, options, this.#settings.truncationSide ?? 'right')
    const name = (id: number): string => this.#names.get(id) ?? ''
    const runs = texts.map((words) => this.#run(words, isSplitIntoWords))
    let parts = [runs]
    if (maxLength !== undefined) {
      const room = checkInteger(op, 'maxLength', maxLength, 0) - numSpecials(slots)
      const rule = () => `maxLength must have room for ${numSpecials(slots)} special tokens, got ${maxLength}.`
      check(room >= 0, 'VALUE', op, rule)
      parts = truncate(op, runs, room, cutting)
    }
    const { trim } = this.#post
    return parts.map((part) => assemble(slots, trim ? part.map((run) => trim(run, name)) : part, name))
  }

  /** The tokens of a text, or of words one by one, which then are what `words` counts. */
  #run(texts: readonly string[], isSplitIntoWords: boolean): Run {
    const run: Run = { ids: [], starts: [], ends: [], words: [] }
    let word = 0
    const put = (id: number, start: number, end: number): void => {
      run.ids.push(id)
      run.starts.push(start)
      run.ends.push(end)
      run.words.push(word)
    }
    texts.forEach((text, i) => {
      for (const { id, piece } of this.#added.cut(text)) {
        if (isSplitIntoWords) word = i
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
          if (isSplitIntoWords) word = i
          for (let k = 0; k < ids.length; k++) put(ids[k]!, part.start(starts[k]!), part.end(ends[k]! - 1))
          word++
        }
      }
    })
    return run
  }
}

const writeJson = (path: string, content: unknown): Promise<void> =>
  writeAside(path, [new TextEncoder().encode(JSON.stringify(content, null, 1))])

export type { TrainOptions as TokenizerTrainOptions }
