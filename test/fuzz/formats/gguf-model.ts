/** @file Models in GGUF files: metadata, names and shapes that do not fit each other; their tokenizers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { models, noGrad, tensor, text } from '../../../lib/index.ts'
import { parseGguf } from '../../../lib/io/gguf-header.ts'
import { ggufFile, kinds } from '../../io/gguf-file.ts'
import type { Item, Stored } from '../../io/gguf-file.ts'
import { bytesOf, format, one } from '../format.ts'
import { bytesChanged, EDGES, pick } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { readNumbers } from './reading.ts'

const NAME = 'model.gguf'
const fixtures = new URL('../../fixtures/gguf/', import.meta.url)

const TOKENIZER: readonly Item[] = [
  ['tokenizer.ggml.model', 8, 'llama'],
  ['tokenizer.ggml.tokens', 9, { type: 8, values: ['<unk>', '<s>', '</s>', '▁', 'a', 'b', 'ab', '▁ab'] }],
  ['tokenizer.ggml.scores', 9, { type: 6, values: [0, 0, 0, -9, -9, -9, -1, -2] }],
  ['tokenizer.ggml.token_type', 9, { type: 5, values: [2, 3, 3, 1, 1, 1, 1, 1] }],
  ['tokenizer.ggml.bos_token_id', 4, 1],
  ['tokenizer.ggml.merges', 9, { type: 8, values: ['a b', '▁ ab'] }],
]

interface Parts {
  readonly metadata: readonly Item[]
  readonly tensors: readonly Stored[]
}

function partsOf(name: string): Parts {
  const bytes = readFileSync(new URL(name, fixtures))
  const { metadata, tensors, dataStart } = parseGguf(name, bytes, bytes.length)
  const typed = (value: unknown): number =>
    typeof value === 'string' ? 8 : typeof value === 'boolean' ? 7 : Number.isInteger(value) ? 4 : 6
  return {
    metadata: [...[...metadata].map(([key, value]): Item => [key, typed(value), value as number]), ...TOKENIZER],
    tensors: Array.from(tensors, ([tensorName, { shape, begin, bytes: length }]) => ({
      name: tensorName,
      sizes: [...shape].reverse(),
      type: kinds.f32,
      data: new Uint8Array(bytes.subarray(dataStart + begin, dataStart + begin + length)),
    })),
  }
}

const good = ['gpt2.gguf', 'llama.gguf', 'qwen2.gguf'].map(partsOf)
const ARCHITECTURES = ['gpt2', 'llama', 'mistral', 'qwen2', 'mamba']

function metadataChanged(metadata: readonly Item[], random: Random): Item[] {
  const chosen = random(metadata.length)
  const changes: ((item: Item) => Item[])[] = [
    ([key]) => [[key, 4, pick(EDGES, random) % 2 ** 32]],
    ([key]) => [[key, 6, pick([0, -1, 0.5, 1e38, NaN, Infinity], random)]],
    ([key]) => [[key, 8, pick([...ARCHITECTURES, 't5', 'llama-bpe', 'linear', ''], random)]],
    ([key]) => [[key, 9, { type: 5, values: [0, -1, 7, 2 ** 31 - 1] }]],
    ([key]) => [[key, 9, { type: 8, values: ['', 'a', 'a', 'a b', 'a  b'] }]],
    () => [],
  ]
  return metadata.flatMap((item, i) => (i === chosen ? pick(changes, random)(item) : [item]))
}

function tensorsChanged(tensors: readonly Stored[], random: Random): Stored[] {
  const chosen = random(tensors.length)
  const other = pick(tensors, random)
  const changes: ((t: Stored) => Stored[])[] = [
    () => [],
    (t) => [{ ...t, name: `${t.name}x` }],
    (t) => [{ ...other, name: t.name }],
    (t) => [{ ...t, type: kinds.q8_0, sizes: [32, 2], data: new Uint8Array(68) }],
    (t) => [{ ...t, sizes: [...t.sizes].reverse() }],
  ]
  return tensors.flatMap((t, i) => (i === chosen ? pick(changes, random)(t) : [t]))
}

export const ggufModel = format({
  name: 'gguf-model',
  lies: 'disk',
  good: good.map(({ metadata, tensors }) => one(ggufFile(metadata, tensors), NAME)),
  mutate: (files, random) => {
    if (random(4) === 0) return one(bytesChanged(bytesOf(files, NAME), random), NAME)
    const { metadata, tensors } = pick(good, random)
    const isTensor = random(3) === 0
    return one(
      ggufFile(
        isTensor ? metadata : metadataChanged(metadata, random),
        isTensor ? tensorsChanged(tensors, random) : tensors,
      ),
      NAME,
    )
  },
  open: ({ folder }) => models.fromPretrained<text.Llama | text.GPT2>(join(folder, NAME)),
  use: async (model, { folder }) => {
    readNumbers(Array.from(model.stateDict().values(), (variable) => variable.read()))
    readNumbers([noGrad(() => model.forward(tensor([[1n, 2n]])))])
    const tokenizer = await text.Tokenizer.fromFile(join(folder, NAME))
    tokenizer.decode(tokenizer.encode('a ab<s>bé').ids)
  },
  // Tensors that do not fit the metadata; a context of one position.
  codes: { open: ['STATE'], use: ['SHAPE'] },
})
