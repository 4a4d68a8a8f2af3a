/** @file Tokenizers against the reference implementations (fixtures/tokenizers/make.py), their files, training, and files that lie. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TenonError, text as library } from 'tenon'
import * as assert from 'uvu/assert'
import { toByteLevel } from '../../lib/text/tokenizers/byte-level.ts'
import { Json } from '../../lib/text/tokenizers/json.ts'
import { normalizerOf } from '../../lib/text/tokenizers/normalizers.ts'
import { Piece } from '../../lib/text/tokenizers/piece.ts'
import { splittingOf } from '../../lib/text/tokenizers/pre-tokenizers.ts'
import { suite } from '../support/suite.ts'

const { Tokenizer } = library
const test = suite('tokenizers')

const at = (name: string) => fileURLToPath(new URL(`../fixtures/tokenizers/${name}`, import.meta.url))
const shared = fileURLToPath(new URL('../../../shared/data/models/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tenon-tokenizers-'))
test.after(() => rmSync(folder, { recursive: true }))

interface Row {
  ids: number[]
  offsets: [number, number][]
  text: string
  raw: string
  pairIds: number[]
  pairTypes: number[]
}
interface Cut {
  length: number
  strategy: string
  direction: 'left' | 'right'
  pair: [string, string]
  ids: number[] | null
}
const expected = JSON.parse(readFileSync(at('expected.json'), 'utf8')) as {
  texts: string[]
  tokenizers: Record<string, { rows: Row[]; cuts: Cut[] }>
  sentencepiece: Record<string, number[][]>
  parts: { texts: string[]; preTokenizers: [object, string[][]][]; normalizers: [object, string[]][] }
}
const names = Object.keys(expected.tokenizers)

test('ids, offsets, pairs and decoded texts are those of the reference', async () => {
  for (const name of names) {
    const tokenizer = await Tokenizer.fromFile(at(`${name}.json`))
    expected.tokenizers[name]!.rows.forEach((row, i) => {
      const text = expected.texts[i]!
      const title = `${name}: ${JSON.stringify(text)}`
      const encoding = tokenizer.encode(text)
      const pair = tokenizer.encode(text, { pair: 'second text' })
      assert.equal(encoding.ids, row.ids, title)
      assert.equal(encoding.offsets, row.offsets, title)
      assert.is(tokenizer.decode(row.ids), row.text, title)
      assert.is(tokenizer.decode(row.ids, { skipSpecialTokens: false }), row.raw, title)
      assert.equal(pair.ids, row.pairIds, title)
      assert.equal(pair.typeIds, row.pairTypes, title)
      const stream = tokenizer.decodeStream()
      assert.is(row.ids.map((id) => stream.push(id)).join('') + stream.flush(), row.text, title)
    })
  }
})

test('pre-tokenisers and normalisers are those of the reference', () => {
  const { texts, preTokenizers, normalizers } = expected.parts
  for (const [part, results] of preTokenizers) {
    const { split, isByteLevel } = splittingOf(new Json('x', part))
    const written = (piece: Piece) => (isByteLevel ? toByteLevel(piece) : piece).text
    texts.forEach((text, i) => {
      const pieces = split(new Piece(text)).map(written)
      assert.equal(
        pieces.filter((piece) => piece),
        results[i],
        `${JSON.stringify(part)} of ${JSON.stringify(text)}`,
      )
    })
  }
  for (const [part, results] of normalizers) {
    const normalize = normalizerOf(new Json('x', part))!
    texts.forEach((text, i) => assert.is(normalize(new Piece(text)).text, results[i], `${JSON.stringify(part)}`))
  }
})

test('a description may not make texts long without end', () => {
  const twice = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' }
  const model = { type: 'BPE', vocab: { a: 0 }, merges: [] }
  const normalizer = { type: 'Sequence', normalizers: new Array<object>(60).fill(twice) }
  assert.throws(() => Tokenizer.fromJson({ model, normalizer }).encode('aa'), /must not make a text/)
  const decoder = { type: 'Sequence', decoders: new Array<object>(60).fill(twice) }
  assert.throws(() => Tokenizer.fromJson({ model, decoder }).decode([0]), /must not make a text/)
  const long = { ...twice, content: 'a'.repeat(1000) }
  assert.throws(() => Tokenizer.fromJson({ model, normalizer: long }), /must have at most/)
})

const strategies = { longest_first: 'longestFirst', only_first: 'onlyFirst', only_second: 'onlySecond' } as const

test('truncation of pairs is that of the reference', async () => {
  for (const name of names) {
    const tokenizer = await Tokenizer.fromFile(at(`${name}.json`))
    for (const { length, strategy, direction, pair, ids } of expected.tokenizers[name]!.cuts) {
      const encode = () =>
        tokenizer.encode(pair[0], {
          pair: pair[1],
          maxLength: length,
          truncation: strategies[strategy as 'only_first'],
          truncationSide: direction,
        }).ids
      if (ids) assert.equal(encode(), ids, `${name} ${length} ${strategy} ${direction}`)
      else assert.throws(encode, /truncation 'only/)
    }
  }
})

interface Described {
  ids: number[]
  words: (number | null)[]
  offsets?: [number, number][]
  sequences?: (0 | 1 | null)[]
}
interface Overflow extends Omit<Cut, 'pair' | 'ids'> {
  stride: number
  pair: boolean
  parts: Described[]
}

const overflow = JSON.parse(readFileSync(at('overflow.json'), 'utf8')) as {
  one: string
  two: string
  words: string[]
  tokenizers: Record<string, { cuts: Overflow[]; words: Described[] }>
}
test('what is too long comes in overlapping parts, in the order of the reference', async () => {
  for (const [name, { cuts }] of Object.entries(overflow.tokenizers)) {
    const tokenizer = await Tokenizer.fromFile(at(`${name}.json`))
    for (const { length, stride, strategy, direction, pair, parts } of cuts) {
      const { overflowing = [], ...first } = tokenizer.encode(overflow.one, {
        ...{ maxLength: length, stride, truncationSide: direction, returnOverflowing: true },
        truncation: strategies[strategy as 'only_first'],
        ...(pair && { pair: overflow.two }),
      })
      const found = [first, ...overflowing].map(({ ids, wordIds }) => ({ ids, words: wordIds }))
      assert.equal(found, parts, `${name} ${length} ${strategy} ${direction}`)
    }
  }
})

test('words that are given are not joined, and are what wordIds count', async () => {
  for (const [name, rows] of Object.entries(overflow.tokenizers)) {
    const tokenizer = await Tokenizer.fromFile(at(`${name}.json`))
    const { words } = overflow
    const one = tokenizer.encode(words, { isSplitIntoWords: true })
    const two = tokenizer.encode(words, { isSplitIntoWords: true, pair: words.slice(0, 2) })
    const found = [one, two].map(({ ids, offsets, wordIds, sequenceIds }) => ({
      ...{ ids, offsets, words: wordIds, sequences: sequenceIds },
    }))
    assert.equal(found, rows.words, name)
  }
})

test('encodeBatch: parts of a text are rows; words; pairs of words', async () => {
  const tokenizer = await Tokenizer.fromFile(at('bert.json'))
  const { samples, ids, encodings } = tokenizer.encodeBatch(['the quick brown fox jumps over the lazy dog', 'the'], {
    ...{ maxLength: 6, stride: 1, returnOverflowing: true },
  })
  assert.equal(samples, [...new Array<number>(samples.length - 1).fill(0), 1])
  assert.equal(ids.shape, [samples.length, 6])
  assert.is(encodings[1]!.ids[1], encodings[0]!.ids[4])
  const words = tokenizer.encodeBatch([['the', 'fox'], [['the'], ['dog']], []], { isSplitIntoWords: true })
  assert.equal(words.encodings[0]!.wordIds.slice(0, 3), [null, 0, 1])
  assert.equal(words.encodings[1]!.sequenceIds, [null, 0, null, 1, null])
  assert.equal(words.encodings[2]!.attentionMask, [1, 1, 0, 0, 0])
  assert.throws(() => tokenizer.encodeBatch(['a'], { isSplitIntoWords: true }), /must be a list of strings, got string/)
  assert.throws(() => tokenizer.encode(['a', 'b']), /isSplitIntoWords takes lists of words/)
  assert.throws(
    () => tokenizer.encode('the quick brown fox', { maxLength: 4, stride: 2, returnOverflowing: true }),
    /stride must be less than the 2 tokens of a part, got 2/,
  )
})

test('a folder keeps tokenizer_config.json: what to pad with and where; transformers finds its tokens in a new one', async () => {
  const bert = await Tokenizer.fromFile(at('bert.json'))
  const first = join(folder, 'settings')
  await bert.save(first)
  const read = (name: string) => JSON.parse(readFileSync(join(name, 'tokenizer_config.json'), 'utf8')) as object
  const tokens = {
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    mask_token: '[MASK]',
  }
  assert.equal(read(first), { tokenizer_class: 'PreTrainedTokenizerFast', ...tokens })
  const settings = { pad_token: { content: 'x' }, padding_side: 'left', truncation_side: 'left', more: 1 }
  writeFileSync(join(first, 'tokenizer_config.json'), JSON.stringify(settings))
  const other = await Tokenizer.fromPretrained(first)
  assert.equal(other.encodeBatch(['the fox', 'the']).encodings[1]!.tokens[0], 'x')
  assert.equal(other.encode('the fox', { maxLength: 3 }).tokens, bert.encode('fox').tokens)
  const second = join(folder, 'settings2')
  await other.withTokens(['new'], { singleWord: true, lstrip: true }).save(second)
  assert.equal(read(second), settings)
  const third = await Tokenizer.fromPretrained(second)
  assert.equal(third.encode('the new  news', { addSpecialTokens: false }).offsets.slice(0, 2), [
    [0, 3],
    [3, 7],
  ])
  writeFileSync(join(first, 'tokenizer_config.json'), '{"padding_side": 3}')
  await rejects(Tokenizer.fromFile(first), 'FORMAT', /padding_side: must be one of left, right, got 3/)
})

test('decode: cleanUp takes out the spaces that splitting left', async () => {
  const tokenizer = await Tokenizer.fromFile(at('words.json'))
  const text = "it is , isn 't . do not 've !"
  const words = Tokenizer.fromJson({
    ...{ pre_tokenizer: { type: 'WhitespaceSplit' }, decoder: null },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(Array.from(new Set(text), (c, i) => [c, i])),
      merges: [],
    },
  }).withTokens(text.split(' '))
  const { ids } = words.encode(text)
  const spaced = words.decode(ids)
  assert.match(spaced, / ,/)
  assert.not.match(words.decode(ids, { cleanUp: true }), / [,.!]/)
  assert.match(words.decode(ids, { cleanUp: true }), /do not/)
  assert.equal(tokenizer.decodeBatch([[], []]), ['', ''])
})

test('SentencePiece models give the ids of SentencePiece, read again from tokenizer.json too', async () => {
  for (const [name, rows] of Object.entries(expected.sentencepiece)) {
    const tokenizer = await Tokenizer.fromFile(at(`sentencepiece-${name}.model`))
    await tokenizer.save(join(folder, 'saved.json'))
    const saved = await Tokenizer.fromFile(join(folder, 'saved.json'))
    expected.texts.forEach((text, i) => {
      // Looked for in the raw text here, after normalisation there.
      if (/<\|end\|>/.test(text)) return
      assert.equal(tokenizer.encode(text).ids, rows[i], `${name}: ${JSON.stringify(text)}`)
      assert.equal(saved.encode(text).ids, rows[i], `${name}, saved: ${JSON.stringify(text)}`)
    })
  }
})

test('SentencePiece: tokenizer_config.json says what is put around a text', async () => {
  const model = join(folder, 'llama')
  mkdirSync(model)
  copyFileSync(at('sentencepiece-bpe.model'), join(model, 'tokenizer.model'))
  writeFileSync(join(model, 'tokenizer_config.json'), '{"tokenizer_class": "LlamaTokenizer", "add_eos_token": true}')
  const { tokens } = (await Tokenizer.fromFile(model)).encode('The dog', { pair: 'fox' })
  assert.equal([tokens[0], tokens.at(-1), tokens.filter((token) => token === '</s>').length], ['<s>', '</s>', 2])
})

test('encode: lists of one length; offsets are those of slice', async () => {
  const tokenizer = await Tokenizer.fromFile(at('bert.json'))
  const text = 'Ünïcödé 😁 FOX'
  const { ids, tokens, offsets, specialTokensMask, wordIds } = tokenizer.encode(text)
  assert.is(tokens.length, ids.length)
  assert.equal(wordIds.at(-1), null)
  assert.equal(specialTokensMask.slice(-2), [0, 1])
  const [begin, end] = offsets.at(-2)!
  assert.ok(text.slice(begin, end).endsWith('X'))
  assert.is(tokenizer.idToToken(ids[0]!), '[CLS]')
  assert.is(tokenizer.tokenToId('[SEP]'), ids.at(-1))
  const plain = tokenizer.encode(text, { addSpecialTokens: false })
  assert.equal(plain.ids, ids.slice(1, -1))
})

test('encodeBatch: integers i64, padded on either side and to a multiple', async () => {
  const tokenizer = await Tokenizer.fromFile(at('bert.json'))
  const batch = tokenizer.encodeBatch(['the fox', ['the dog', 'the quick brown fox'], ''])
  const length = batch.encodings[0]!.ids.length
  assert.equal(batch.ids.shape, [3, length])
  assert.is(batch.ids.dtype, 'i64')
  const masks = (await batch.attentionMask.toArray()) as number[][]
  assert.equal(masks[2]!.map(Number), [1, 1, ...new Array<number>(length - 2).fill(0)])
  const types = (await batch.typeIds.toArray()) as number[][]
  assert.is(Number(types[1]!.at(-1)), 1)
  const left = tokenizer.encodeBatch(['the fox', 'the'], { paddingSide: 'left', padToMultipleOf: 8 })
  assert.equal(left.ids.shape, [2, 8])
  assert.is(left.encodings[0]!.tokens[0], '[PAD]')
  const fixed = tokenizer.encodeBatch(['the fox'], { padding: 'maxLength', maxLength: 5, truncation: true })
  assert.equal(fixed.ids.shape, [1, 5])
  const even = tokenizer.encodeBatch(['the', 'dog'], { padding: false, maxLength: 3 })
  assert.is(even.ids.shape[1], 3)
  assert.throws(() => tokenizer.encodeBatch(['the fox', 'the'], { padding: false }), /need padding/)
  assert.throws(() => tokenizer.encodeBatch(['a', 'a b'], { padToken: 'nothing' }), /padToken must be a token/)
  assert.throws(() => tokenizer.encodeBatch(['a'], { pading: true } as object), /Did you mean 'padding'/)
})

test('withTokens: found before a text is split, and decoded', async () => {
  const tokenizer = await Tokenizer.fromFile(at('gpt2.json'))
  const more = tokenizer.withTokens(['<tool>'], { special: true }).withTokens(['quick brown'])
  const { ids, tokens } = more.encode('a<tool>quick brown')
  assert.equal(tokens.slice(-2), ['<tool>', 'quick brown'])
  assert.is(ids.at(-2), tokenizer.vocabSize)
  assert.is(more.decode(ids), 'aquick brown')
  assert.throws(() => tokenizer.withTokens(['']), /must not be empty/)
})

test('decodeStream: a character is given when its last byte is there', async () => {
  const tokenizer = await Tokenizer.fromFile(at('gpt2.json'))
  const { ids } = tokenizer.encode('ok 你😁', { addSpecialTokens: false })
  const stream = tokenizer.decodeStream()
  const pieces = ids.map((id) => stream.push(id))
  assert.is(pieces.join(''), 'ok 你😁')
  assert.not.ok(pieces.some((piece) => piece.includes('\ufffd')))
  const cut = tokenizer.decodeStream()
  assert.is(
    ids
      .slice(0, -1)
      .map((id) => cut.push(id))
      .join('') + cut.flush(),
    'ok 你\ufffd',
  )
})

test('vocab.txt, and vocab.json with merges.txt, read as folders', async () => {
  const bert = (await Tokenizer.fromFile(at('bert.json'))).toJson() as { model: { vocab: Record<string, number> } }
  const words = Object.entries(bert.model.vocab).sort((a, b) => a[1] - b[1])
  const [wordPiece, bpe] = [join(folder, 'bert'), join(folder, 'gpt2')]
  mkdirSync(wordPiece)
  mkdirSync(bpe)
  writeFileSync(join(wordPiece, 'vocab.txt'), words.map(([word]) => `${word}\n`).join(''))
  const gpt2 = (await Tokenizer.fromFile(at('gpt2.json'))).toJson() as { model: { vocab: object; merges: string[][] } }
  writeFileSync(join(bpe, 'vocab.json'), JSON.stringify(gpt2.model.vocab))
  const merges = gpt2.model.merges.map((pair) => `${pair.join(' ')}\n`).join('')
  writeFileSync(join(bpe, 'merges.txt'), `#version: 0.2\n${merges}`)
  for (const [name, path] of [
    ['bert', wordPiece],
    ['gpt2', bpe],
  ] as const) {
    const tokenizer = await Tokenizer.fromFile(path)
    const rows = expected.tokenizers[name]!.rows
    expected.texts.forEach((text, i) => {
      if (!/<\||<\/?s>/.test(text)) assert.equal(tokenizer.encode(text).ids, rows[i]!.ids, `${name}: ${text}`)
    })
  }
})

test('training: byte-level BPE covers every text; WordPiece and Unigram join what is frequent', async () => {
  const texts = expected.texts.concat(Array.from({ length: 50 }, (_, i) => `the newest lowest widest ${i}`))
  const file = join(folder, 'corpus.txt')
  writeFileSync(file, texts.map((text) => text.replace(/[\r\n]/g, ' ')).join('\n'))
  for (const model of ['bpe', 'wordpiece', 'unigram'] as const) {
    const tokenizer = await Tokenizer.train({ model, files: [file], vocabSize: 420 })
    assert.ok(tokenizer.vocabSize <= 420)
    const { ids, tokens } = tokenizer.encode('the newest', { addSpecialTokens: false })
    assert.ok(tokens.length <= 3, `${model}: ${tokens.join(' ')}`)
    assert.is(tokenizer.decode(ids), 'the newest')
    const again = Tokenizer.fromJson(JSON.stringify(tokenizer.toJson()))
    assert.equal(again.encode('the lowest').ids, tokenizer.encode('the lowest').ids)
    if (model === 'bpe')
      for (const text of expected.texts)
        assert.is(tokenizer.decode(tokenizer.encode(text).ids, { skipSpecialTokens: false }), text)
  }
  await rejects(Tokenizer.train({ model: 'bpe' }), 'VALUE', /files or texts/)
  await rejects(Tokenizer.train({ model: 'bpe', files: [join(folder, 'none')] }), 'FORMAT', /cannot be read/)
  await rejects(Tokenizer.train({ model: 'gpt' as 'bpe', texts: [] }), 'VALUE', /must be one of/)
  await rejects(Tokenizer.train({ model: 'unigram', texts: ['a'], specialTokens: [] }), 'VALUE', /must have <unk>/)
})

test('training: pairs are joined as in the reference', async () => {
  async function* texts() {
    yield* ['low low low low low lower lower', 'newest newest newest newest newest newest widest widest widest']
  }
  const { model } = (
    await Tokenizer.train({ model: 'bpe', texts: texts(), vocabSize: 262, specialTokens: [] })
  ).toJson() as { model: { merges: [string, string][] } }
  // Counted by hand: 'es' 9, 'est' 9; 'Ġn' and 'low' follow, the lower ids first.
  assert.equal(model.merges[0], ['e', 's'])
  assert.equal(model.merges[1], ['es', 't'])
  assert.is(model.merges.length, 6)
})

test('a long text without spaces takes n log n', async () => {
  for (const name of ['gpt2', 'llama2', 'bert', 'unigram']) {
    const tokenizer = await Tokenizer.fromFile(at(`${name}.json`))
    const text = 'ab'.repeat(50_000)
    assert.ok(tokenizer.encode(text).ids.length > 0)
  }
})

test('hostile files: every mutant ends in FORMAT or loads, and then encodes', async () => {
  let seed = 7
  const random = (n: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n
  const odd = [null, -1, 2 ** 40, '', 'x', [], {}, [[]], true, 0.5, '(', '[a-', '(?<!x)*', '\\p{Nothing}', '__proto__']
  for (const name of names) {
    const source = readFileSync(at(`${name}.json`), 'utf8')
    for (let i = 0; i < 40; i++) {
      const json = JSON.parse(source) as Record<string, unknown>
      for (let k = 0; k <= random(2); k++) mutate(json, random, odd)
      assert.ok(
        loads(() => Tokenizer.fromJson(json).encode('The quick 😁 fox')),
        `${name}, mutant ${i}`,
      )
    }
  }
})

test('hostile SentencePiece models and other bytes', async () => {
  const bytes = readFileSync(at('sentencepiece-unigram.model'))
  let seed = 3
  const path = join(folder, 'mutant.model')
  for (let i = 0; i < 60; i++) {
    const mutant = Buffer.from(bytes)
    for (let k = 0; k < 4; k++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      // Half of them in the character map at the end.
      const where = k % 2 ? seed % mutant.length : mutant.length - 1 - (seed % 2000)
      mutant[where] = seed >>> 24
    }
    writeFileSync(path, i % 5 ? mutant : mutant.subarray(0, seed % mutant.length))
    await Tokenizer.fromFile(path).then(
      (tokenizer) => tokenizer.encode('The Ångström 😁'),
      (error: unknown) => assert.is((error as TenonError).code, 'FORMAT'),
    )
  }
  await rejects(Tokenizer.fromFile(join(folder, 'nothing')), 'FORMAT', /cannot be opened/)
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  await rejects(Tokenizer.fromFile(empty), 'FORMAT', /must hold one of/)
})

test('errors say where', () => {
  const of = (change: object) => () =>
    Tokenizer.fromJson({ model: { type: 'BPE', vocab: { a: 0 }, merges: [] }, ...change }, 'x')
  assert.throws(
    of({ model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] } }),
    /x: model: merges: entry 0 must be tokens/,
  )
  assert.throws(of({ normalizer: { type: 'New' } }), /x: normalizer: type: must be a known normaliser, got New/)
  assert.throws(of({ added_tokens: [{ id: 0, content: 'b' }] }), /id 0 must be of one token/)
  assert.throws(() => Tokenizer.fromJson('{', 'x'), /x: is not JSON/)
  const tokenizer = of({})()
  assert.throws(() => tokenizer.encode(3 as unknown as string), /must be a string, got number/)
  assert.throws(() => tokenizer.encode('a', { maxLenght: 3 } as object), /Did you mean 'maxLength'/)
})

const known = ['gpt2-tokenizer/expected.json', 'bert-tokenizer/vocab.txt', 'clip-tokenizer/vocab.json'].map((name) =>
  join(shared, name),
)
const missing = known.every((path) => existsSync(path)) ? [] : ['known vocabularies']
for (const what of missing) test.skip(`${what} are not here`, () => {})
if (missing.length === 0) {
  test('GPT-2, BERT and CLIP: known encodings', async () => {
    const gpt2 = await Tokenizer.fromFile(join(shared, 'gpt2-tokenizer'))
    const { encode } = JSON.parse(readFileSync(known[0]!, 'utf8')) as { encode: Record<string, number[]> }
    for (const [text, ids] of Object.entries(encode)) {
      assert.equal(gpt2.encode(text).ids, ids)
      assert.is(gpt2.decode(ids), text)
    }
    const bert = await Tokenizer.fromFile(join(shared, 'bert-tokenizer'))
    assert.equal(bert.encode('Hello, world!').ids, [101, 7592, 1010, 2088, 999, 102])
    const clip = await Tokenizer.fromFile(join(shared, 'clip-tokenizer'))
    assert.equal(clip.encode('a photo of a cat').ids, [49406, 320, 1125, 539, 320, 2368, 49407])
    assert.is(clip.decode(clip.encode('A photo of a cat').ids), 'a photo of a cat')
  })
}

async function rejects(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  assert.instance(error, TenonError)
  assert.is((error as TenonError).code, code)
  assert.match((error as TenonError).message, message)
}

function loads(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (error) {
    return error instanceof TenonError && error.code === 'FORMAT'
  }
}

/** Replaces or removes one value somewhere in an object. */
function mutate(value: object, random: (n: number) => number, odd: readonly unknown[]): void {
  const keys = Object.keys(value)
  const key = keys[random(keys.length)]
  if (key === undefined) return
  const inner = (value as Record<string, unknown>)[key]
  if (typeof inner === 'object' && inner !== null && random(4) > 0) mutate(inner, random, odd)
  else if (random(4) === 0) delete (value as Record<string, unknown>)[key]
  else (value as Record<string, unknown>)[key] = odd[random(odd.length)]
}
