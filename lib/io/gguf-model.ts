/** @file GgufForm: how a model is written in a GGUF file, and filling a model from one; weights stay blocks where the file has blocks. */
import { mappedSource } from '../engine/mapped.ts'
import { overwrite } from '../engine/overwrite.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import type { Module } from '../nn/module.ts'
import { Projection } from '../nn/projection.ts'
import { weightedLayers } from '../nn/quantize.ts'
import type { Weighted } from '../nn/quantize.ts'
import { matchState } from '../nn/state-dict.ts'
import { BlockVariable } from '../ops/block-variable.ts'
import type { TensorLike } from '../ops/table.ts'
import { saveGguf } from './gguf-write.ts'
import type { GgufValue, SaveGgufOptions } from './gguf-write.ts'
import { blocksOf, dequantize } from '../ops/blocks.ts'
import { permute, reshape, transpose } from '../ops/layout.ts'
import type { TensorFile } from './tensor-file.ts'

/** What differs between a model's state dict and its GGUF file. */
export interface GgufForm {
  /** What the file says of the model. */
  readonly metadata: Readonly<Record<string, GgufValue>>
  /** What the file calls a parameter. */
  nameInGguf(name: string): string
  /** Heads whose rows are kept as pairs (2 i, 2 i + 1) there and as halves (i, i + headDim / 2) here, by the file's name; null: the same order. */
  pairedHeads(name: string): number | null
  /** Tensors of the file that are no parameters. */
  readonly unread: RegExp
  /** Those of them that are written, by name. */
  readonly more: Readonly<Record<string, Tensor>>
  /** Matrices that stay f32 whatever the others become. */
  readonly neverQuantized: RegExp | null
}

export type SaveModelGgufOptions = Pick<SaveGgufOptions, 'quantize' | 'stream' | 'metadata'>

/** Writes a model as a GGUF file. */
export async function saveModelGguf(
  model: Module,
  form: GgufForm,
  path: string,
  options: SaveModelGgufOptions,
): Promise<void> {
  const tensors = new Map<string, TensorLike>()
  const seen = new Set<Variable>()
  for (const [name, variable] of model.stateDict()) {
    if (seen.has(variable)) continue
    seen.add(variable)
    tensors.set(form.nameInGguf(name), variable)
  }
  const turned = new Set([...layersByWeight(model)].filter(([, layers]) => isTransposed(layers)).map(([v]) => v))
  for (const [name, given] of tensors) tensors.set(name, inFile(name, given as Variable, form, turned))
  for (const [name, t] of Object.entries(form.more)) tensors.set(name, t)
  await saveGguf(path, tensors, {
    ...options,
    metadata: { ...form.metadata, ...options.metadata },
    only: (name, shape) => shape.length === 2 && !form.neverQuantized?.test(name),
  })
}

/** A parameter in the file's layout; blocks stay blocks. */
function inFile(name: string, variable: Variable, form: GgufForm, turned: ReadonlySet<Variable>): TensorLike {
  const heads = form.pairedHeads(name)
  if (heads !== null) return regrouped(variable.read(), heads, 'pairs')
  if (variable instanceof BlockVariable) return dequantize(variable.blocks, variable.encoding)
  return turned.has(variable) ? transpose(variable) : variable
}

export interface LoadGgufOptions {
  /** Keep blocks as blocks; else everything becomes numbers of the model's dtype. */
  keepsBlocks: boolean
}

/** Fills a model from an open GGUF file. STATE, with every name and shape as the file has them, for tensors that do not fit. */
export async function loadGgufWeights(
  model: Module,
  form: GgufForm,
  file: TensorFile,
  { keepsBlocks }: LoadGgufOptions,
): Promise<void> {
  const layers = layersByWeight(model)
  const variables = new Map<string, Variable>()
  // Of tied weights the first name.
  for (const [name, variable] of model.stateDict())
    if (![...variables.values()].includes(variable)) variables.set(form.nameInGguf(name), variable)
  const contents = new Map<string, Tensor>()
  for (const name of file.tensors.keys()) {
    if (form.unread.test(name)) continue
    const given = await file.read(name)
    const heads = form.pairedHeads(name)
    const ordered =
      heads === null || (given.shape[0] ?? 1) % (2 * heads) !== 0 ? given : regrouped(given, heads, 'halves')
    const variable = variables.get(name)
    const isTurned = given.rank === 2 && variable && isTransposed(layers.get(variable))
    contents.set(name, isTurned ? transpose(ordered) : ordered)
  }
  const matched = matchState(variables, contents, {}).contents
  const plain: [Variable, Tensor][] = []
  const blocks: [readonly Weighted[], BlockVariable][] = []
  for (const [variable, content] of matched) {
    const users = layers.get(variable)
    const kept = users && keepsBlocks ? blockVariableOf(content, isTransposed(users)) : null
    if (kept) blocks.push([users!, kept])
    else plain.push([variable, content])
  }
  await overwrite(plain)
  for (const [users, kept] of blocks) for (const layer of users) layer.weight = kept
}

function layersByWeight(model: Module): Map<Variable, Weighted[]> {
  const found = new Map<Variable, Weighted[]>()
  for (const [, layer] of weightedLayers(model)) found.set(layer.weight, [...(found.get(layer.weight) ?? []), layer])
  return found
}

const isTransposed = (layers: readonly Weighted[] | undefined): boolean =>
  layers?.some((layer) => layer instanceof Projection) ?? false

function blockVariableOf(content: Tensor, isTurned: boolean): BlockVariable | null {
  const found = blocksOf(isTurned && content.row.name === 'permute' ? content.inputs[0]! : content)
  if (!found) return null
  const blocks = mappedSource(found.blocks) ?? new Variable(found.blocks, { trainable: false })
  return new BlockVariable(blocks, found.encoding, { isTransposed: isTurned })
}

/** Rows of each head as halves or as pairs. Rows are whole blocks, so blocks stay what they are. */
export function regrouped(t: Tensor, heads: number, to: 'halves' | 'pairs'): Tensor {
  const found = blocksOf(t)
  if (found) return dequantize(regrouped(found.blocks, heads, to), found.encoding)
  const [rows, ...rest] = t.shape as [number, ...number[]]
  const [outer, inner] = to === 'halves' ? [rows / heads / 2, 2] : [2, rows / heads / 2]
  const cut = reshape(t, [heads, outer, inner, ...rest])
  return reshape(permute(cut, [0, 2, 1, ...rest.map((_, i) => i + 3)]), t.shape)
}
