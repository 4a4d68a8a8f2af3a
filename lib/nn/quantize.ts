/** @file quantize: the weights of a model that is used, not trained, as blocks of a few bits a number. */
import { checkOptions, fail } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { Variable } from '../graph/variable.ts'
import { BlockVariable, fillsBlocks } from '../ops/block-variable.ts'
import { BLOCKS, checkEncoding, quantizeBlocks } from '../ops/blocks.ts'
import type { BlockEncoding } from '../ops/blocks.ts'
import { transpose } from '../ops/layout.ts'
import { Embedding } from './embedding.ts'
import { Linear } from './linear.ts'
import type { Module } from './module.ts'
import { Projection } from './projection.ts'

export interface QuantizeOptions {
  /** Tables of embeddings too, which often are the head. Default: true. */
  embeddings?: boolean
  /** Whether a layer's weight becomes blocks; `name` is its path. Default: all do. */
  only?: ((name: string, layer: Module) => boolean) | null
}

/** @internal A layer with one matrix that it multiplies with, or looks up in. */
export type Weighted = Linear | Projection | Embedding

/**
 * Makes the weights of fully connected layers (and tables of embeddings) blocks, in place, and gives the model: `await quantize(model,
 * 'q8_0')`. Products read the blocks as they are, so that generating takes about the time in which memory is read. Those weights
 * are no parameters from then on: they are not trained and cannot be loaded to. A weight whose rows are no whole blocks (of 32 numbers; of
 * 256 for q4_K and q6_K) stays; VALUE when all do.
 */
export async function quantize<M extends Module>(
  model: M,
  encoding: BlockEncoding,
  options: QuantizeOptions = {},
): Promise<M> {
  checkOptions('quantize', options, ['embeddings', 'only'])
  checkEncoding('quantize', encoding)
  const { embeddings = true, only = null } = options
  const made = new Map<Variable, BlockVariable>()
  let count = 0
  for (const [name, layer] of weightedLayers(model)) {
    const { weight } = layer
    if (weight instanceof BlockVariable || (layer instanceof Embedding && !embeddings)) continue
    const isTransposed = layer instanceof Projection
    if (!fillsBlocks(weight.shape[isTransposed ? 0 : 1]!, encoding) || (only && !only(name, layer))) continue
    const known = made.get(weight) ?? (await blocksOfWeight(weight, encoding, isTransposed))
    made.set(weight, known)
    layer.weight = known
    count++
  }
  if (count === 0)
    fail(
      'VALUE',
      'quantize',
      `no layer has a weight whose rows are multiples of ${BLOCKS[encoding][0]} numbers, as ${encoding} needs.`,
    )
  return model
}

async function blocksOfWeight(
  weight: Variable,
  encoding: BlockEncoding,
  isTransposed: boolean,
): Promise<BlockVariable> {
  const rows = isTransposed ? transpose(weight) : weight
  const blocks = quantizeBlocks(rows, encoding)
  await evaluate(blocks)
  const made = new BlockVariable(new Variable(blocks, { trainable: false }), encoding, { isTransposed })
  made.name = weight.name
  return made
}

/** @internal All of them below a model, by path. */
export function* weightedLayers(model: Module, path = '', seen = new Set<Module>()): Generator<[string, Weighted]> {
  if (seen.has(model)) return
  seen.add(model)
  if (model instanceof Linear || model instanceof Projection || model instanceof Embedding) yield [path, model]
  for (const [name, child] of model.namedChildren()) yield* weightedLayers(child, path ? `${path}.${name}` : name, seen)
}
