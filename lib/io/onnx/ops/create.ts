/** @file ONNX operators that make tensors: constants, counted and random ones. */
import type { DType } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { iota, tensor } from '../../../ops/create.ts'
import { add, clamp, eq, log, lt, mul, ne, neg, sub } from '../../../ops/elementwise.ts'
import { expand, reshape } from '../../../ops/layout.ts'
import { dropout, rand, randn } from '../../../ops/random.ts'
import { argMax } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { checkShape } from '../../../shape.ts'
import type { Held, Node, OpResult, Ops } from '../node.ts'
import { integers } from './shape.ts'

function constantOf(node: Node): Tensor | Held {
  const value = node.tensor('value') ?? node.tensor('sparse_value')
  if (value) return value
  if (node.hasAttribute('value_int')) return tensor(BigInt(node.int('value_int')))
  if (node.hasAttribute('value_float')) return tensor(node.float('value_float'))
  const ints = node.ints('value_ints')
  if (ints) return integers(ints)
  const floats = node.floats('value_floats')
  return floats ? tensor(Float32Array.from(floats), { transfer: true }) : node.refuse('has no value that is supported.')
}

function constantOfShape(node: Node): Tensor | Held {
  const value = node.tensor('value')
  const shape = checkShape(node.op, node.integers(0))
  if (!value) return expand(constant(0, 'f32'), shape)
  if (value.tensor.size !== 1) return node.refuse(`needs a value of one element, got ${value.tensor.size}.`)
  return { tensor: expand(reshape(value.tensor, []), shape), type: value.type }
}

/** Most elements that a range may have. */
const LONGEST = 2 ** 40

function range(node: Node): Tensor {
  const { dtype } = node.input(0)
  const [start, limit, delta] = [node.number(0), node.number(1), node.number(2)]
  const n = Math.max(0, Math.ceil((limit - start) / delta))
  if (!(n <= LONGEST)) return node.refuse(`counts from ${start} to ${limit} in steps of ${delta}.`)
  const wide: DType = dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' || dtype === 'f64' ? 'f64' : 'i64'
  return cast(add(mul(iota([n], wide), constant(delta, wide)), constant(start, wide)), dtype)
}

function eyeLike(node: Node): Tensor {
  const x = node.input(0)
  if (x.rank !== 2) return node.refuse(`needs a matrix, got [${x.shape.join()}].`)
  const dtype = node.hasAttribute('dtype') ? node.elementType('dtype').dtype : x.dtype
  const rows = reshape(iota([x.shape[0]!], 'i64'), [x.shape[0]!, 1])
  const cols = iota([x.shape[1]!], 'i64')
  return cast(eq(sub(cols, rows), constant(node.int('k', 0), 'i64')), dtype)
}

const shapeAttribute = (node: Node): readonly number[] =>
  checkShape(node.op, node.ints('shape') ?? node.refuse('has no shape.'))

function normalOf(node: Node, shape: readonly number[], dtype: DType): Tensor {
  const [mean, scale] = [node.float('mean', 0), node.float('scale', 1)]
  return cast(add(mul(randn(shape), constant(scale, 'f32')), constant(mean, 'f32')), dtype)
}

function uniformOf(node: Node, shape: readonly number[], dtype: DType): Tensor {
  const [low, high] = [node.float('low', 0), node.float('high', 1)]
  return cast(add(mul(rand(shape), constant(high - low, 'f32')), constant(low, 'f32')), dtype)
}

const dtypeLike = (node: Node): DType =>
  node.hasAttribute('dtype') ? node.elementType('dtype').dtype : node.input(0).dtype

/** One of the classes of each row, as likely as its unnormalised log-probabilities say: the largest of Gumbel-distributed sums. */
function multinomial(node: Node): Tensor {
  const x = node.input(0)
  const [b, c] = x.shape as [number, number]
  const n = node.int('sample_size', 1)
  if (x.rank !== 2 || n < 1) return node.refuse(`draws ${n} of [${x.shape.join()}].`)
  const drawn = clamp(rand(checkShape(node.op, [b, n, c]), { dtype: 'f64' }), 1e-300)
  const noise = log(neg(log(drawn)))
  const scores = sub(cast(reshape(x, [b, 1, c]), 'f64'), noise)
  return cast(argMax(scores, -1), node.elementType('dtype', 6).dtype)
}

/** Inference form, unless the node itself says that it trains. The mask says what stays. */
function dropped(node: Node): OpResult {
  const x = node.input(0)
  const trains = node.has(2) ? node.number(2) !== 0 : false
  const ratio = node.version >= 12 ? (node.has(1) ? node.number(1) : 0.5) : node.float('ratio', 0.5)
  const maskType: DType = node.version >= 10 ? 'bool' : x.dtype
  if (!trains || ratio === 0) return [x, expand(constant(1, maskType), x.shape)]
  const scaled = dropout(expand(constant(1, x.dtype), x.shape), ratio, true)
  return [mul(x, scaled), ne(scaled, 0)]
}

function bernoulliOf(node: Node): Tensor {
  const x = node.input(0)
  return cast(
    lt(cast(rand(x.shape), x.dtype === 'f64' ? 'f64' : 'f32'), cast(x, x.dtype === 'f64' ? 'f64' : 'f32')),
    dtypeLike(node),
  )
}

export const create: Ops = {
  Bernoulli: bernoulliOf,
  Constant: constantOf,
  ConstantOfShape: constantOfShape,
  Dropout: { run: dropped, frozen: [1, 2] },
  EyeLike: eyeLike,
  Multinomial: multinomial,
  RandomNormal: (node) => normalOf(node, shapeAttribute(node), node.elementType('dtype', 1).dtype),
  RandomNormalLike: (node) => normalOf(node, node.input(0).shape, dtypeLike(node)),
  RandomUniform: (node) => uniformOf(node, shapeAttribute(node), node.elementType('dtype', 1).dtype),
  RandomUniformLike: (node) => uniformOf(node, node.input(0).shape, dtypeLike(node)),
  Range: range,
}
