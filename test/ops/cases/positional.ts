/** @file Cases of encodings of positions. */
import * as ops from '../../../lib/index.ts'
import type { RotaryOptions, Tensor } from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

/** A complex number times e^(i angle), written as such. */
function rotated(x: Nd, pairOf: (i: number, half: number) => [number, number], dim: number, start = 0, base = 1e4): Nd {
  const axis = x.shape.length - 1
  return build(x.shape, (p) => {
    const feature = p[axis]
    if (feature >= dim) return at(x, p)
    const i = Array.from({ length: dim / 2 }, (_, k) => k).find((k) => pairOf(k, dim / 2).includes(feature))!
    const [re, im] = pairOf(i, dim / 2).map((f) => at(x, [...p.slice(0, -1), f]))
    const angle = (p[axis - 1] + start) / base ** ((2 * i) / dim)
    return feature === pairOf(i, dim / 2)[0]
      ? re * Math.cos(angle) - im * Math.sin(angle)
      : re * Math.sin(angle) + im * Math.cos(angle)
  })
}

const halves = (i: number, half: number): [number, number] => [i, i + half]
const neighbours = (i: number): [number, number] => [2 * i, 2 * i + 1]

const rotary = (title: string, shape: number[], options: RotaryOptions, reference: (x: Nd) => Nd): OpCase => ({
  title: `rotaryEmbedding: ${title}`,
  fn: (x) => ops.rotaryEmbedding(x, options),
  inputs: [input(shape, range(-2, 2))],
  reference,
  kind: 'elementwise',
  looser: { factor: 4, because: 'the sum of two products may cancel' },
})

/** Beside a zero, so that there is something to differentiate by. */
const table = (title: string, fn: () => Tensor, reference: () => Nd): OpCase => ({
  title,
  fn: (x) => ops.add(x, fn()),
  inputs: [input([1], () => [0])],
  reference,
  kind: 'elementwise',
  only: { dtypes: ['f32'], because: 'the table has a dtype of its own' },
})

const slopes = [1 / 16, 1 / 256, 1 / 4]

export const positionalCases: readonly OpCase[] = [
  rotary('halves', [2, 3, 4], {}, (x) => rotated(x, halves, 4)),
  rotary('neighbours', [3, 6], { isInterleaved: true }, (x) => rotated(x, neighbours, 6)),
  rotary('some features, from an offset', [1, 2, 3, 6], { rotaryDim: 4, offset: 5, base: 100 }, (x) =>
    rotated(x, halves, 4, 5, 100),
  ),
  rotary('frequencies', [3, 4], { frequencies: [1, 1 / 16] }, (x) => rotated(x, halves, 4, 0, 256)),
  rotary('positions', [3, 2], { positions: ops.tensor([7n, 8n, 9n]) }, (x) => rotated(x, halves, 2, 7)),
  table(
    'sinusoidalEncoding: sines and cosines in turn',
    () => ops.sinusoidalEncoding(3, 4, { offset: 2, dtype: 'f64' }),
    () => build([3, 4], ([p, i]) => (i % 2 ? Math.cos : Math.sin)((p + 2) / 1e4 ** ((2 * Math.floor(i / 2)) / 4))),
  ),
  table(
    'alibiBias: three heads, the last queries of longer keys',
    () => ops.alibiBias(3, 2, 4, { dtype: 'f64' }),
    () => build([3, 2, 4], ([h, i, j]) => -slopes[h] * Math.abs(i + 2 - j)),
  ),
]
