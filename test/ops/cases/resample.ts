/** @file Cases of interpolation, borders, shuffles, and reading at a grid. */
import * as ops from '../../../lib/index.ts'
import type { GridSampleOptions, InterpolateMode, InterpolateOptions, PadMode } from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { adaptiveAverages, resized } from '../../support/reference-spatial.ts'
import { at, build, moved, positionsOf } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-2, 2)

/** Weights of cubic convolution at distance d. */
const cubic = (d: number, a: number) => {
  const x = Math.abs(d)
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0
}
const triangle = (d: number) => Math.max(0, 1 - Math.abs(d))

type Read = (i: number, n: number, m: number, ratio: number, alignCorners: boolean) => [number, number][]

/** What element i of m reads of n. */
const reads: Record<string, Read> = {
  nearest: (i, n, m, ratio) => [[Math.floor(i * ratio), 1]],
  'nearest-exact': (i, n, m, ratio) => [[Math.floor((i + 0.5) * ratio), 1]],
  linear: (i, n, m, ratio, align) => {
    const p = Math.min(Math.max(align ? i * ratio : (i + 0.5) * ratio - 0.5, 0), n - 1)
    return Array.from({ length: n }, (_, k) => [k, triangle(p - k)])
  },
  bicubic: (i, n, m, ratio, align) => {
    const p = align ? i * ratio : (i + 0.5) * ratio - 0.5
    return Array.from({ length: n + 6 }, (_, k) => [k - 3, cubic(p - (k - 3), -0.75)])
  },
}

/** Antialiased: the filter as wide as an element of the result, its weights adding up to 1. */
const smooth = (i: number, n: number, ratio: number, filter: (d: number) => number): [number, number][] => {
  const weights = Array.from({ length: n }, (_, k) => filter((k + 0.5 - ratio * (i + 0.5)) / Math.max(ratio, 1)))
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((w, k) => [k, w / total])
}

function resize(
  mode: InterpolateMode,
  title: string,
  shape: number[],
  size: number[],
  more: InterpolateOptions = {},
): OpCase {
  const options: InterpolateOptions = { mode, ...(more.scaleFactor === undefined ? { size } : {}), ...more }
  const kind = mode.endsWith('linear') ? 'linear' : mode
  const { alignCorners = false, antialias = false, scaleFactor, recomputeScaleFactor = false } = more
  const reference = (x: Nd) => {
    if (mode === 'area') return adaptiveAverages(x, size)
    return size.reduce((y, m, k) => {
      const n = shape[k + 2]
      const factor = scaleFactor && !recomputeScaleFactor ? ([scaleFactor].flat()[k] ?? (scaleFactor as number)) : m / n
      const ratio = alignCorners ? (m > 1 ? (n - 1) / (m - 1) : 0) : 1 / factor
      const filter = mode === 'bicubic' ? (d: number) => cubic(d, -0.5) : triangle
      return resized(k + 2, m, (i) =>
        antialias ? smooth(i, n, ratio, filter) : reads[kind](i, n, m, ratio, alignCorners),
      )(y)
    }, x)
  }
  return {
    title: `interpolate: ${mode}, ${title}`,
    fn: (x) => ops.interpolate(x, options),
    inputs: [input(shape, fill)],
    reference,
    kind: 'sums',
  }
}

const sizes: OpCase[] = [
  resize('nearest', 'wider', [2, 2, 5], [8]),
  resize('nearest', 'two axes by a factor', [1, 2, 3, 4], [6, 6], { scaleFactor: [2, 1.6] }),
  resize('nearest-exact', 'narrower', [2, 1, 5, 4], [3, 6]),
  resize('linear', 'wider', [2, 2, 4], [7]),
  resize('linear', 'corners aligned, one element', [1, 2, 4], [1], { alignCorners: true }),
  resize('bilinear', 'two axes', [2, 2, 5, 3], [3, 7]),
  resize('bilinear', 'corners aligned', [1, 2, 3, 4], [5, 2], { alignCorners: true }),
  resize('bilinear', 'by a factor', [1, 1, 5, 4], [8, 2], { scaleFactor: [1.7, 0.6] }),
  resize('bilinear', 'by the ratio of sizes', [1, 1, 5, 4], [8, 2], {
    scaleFactor: [1.7, 0.6],
    recomputeScaleFactor: true,
  }),
  resize('bilinear', 'antialias', [1, 2, 7, 3], [3, 5], { antialias: true }),
  resize('trilinear', 'three axes', [1, 2, 2, 3, 4], [3, 2, 5]),
  resize('bicubic', 'two axes', [1, 2, 4, 3], [7, 2]),
  resize('bicubic', 'corners aligned', [1, 1, 3, 4], [4, 5], { alignCorners: true }),
  resize('bicubic', 'antialias', [1, 1, 9, 4], [4, 4], { antialias: true }),
  resize('area', 'two axes', [1, 2, 5, 4], [2, 6]),
  resize('nearest', 'as it is', [1, 2, 3], [3]),
]

/** Where a border element comes from, for axis size n. */
const sources: Record<Exclude<PadMode, 'constant'>, (i: number, n: number) => number> = {
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  symmetric: (i, n) => (i < 0 ? -1 - i : i >= n ? 2 * n - 1 - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => (i + n) % n,
}

const border = (mode: Exclude<PadMode, 'constant'>, shape: number[], flat: number[]): OpCase => {
  const before = shape.map((_, i) => flat[2 * (shape.length - 1 - i)] ?? 0)
  const full = shape.map((n, i) => n + before[i] + (flat[2 * (shape.length - 1 - i) + 1] ?? 0))
  return {
    title: `pad: ${mode} over ${flat.length / 2} axes`,
    fn: (x) => ops.pad(x, flat, { mode }),
    inputs: [input(shape, fill)],
    reference: moved(full, (p) => p.map((k, i) => sources[mode](k - before[i], shape[i]))),
    kind: 'moves',
    isSingle: true,
  }
}

const borders: OpCase[] = [
  border('reflect', [2, 4], [3, 1]),
  border('reflect', [1, 3, 2, 4], [1, 1, 0, 1]),
  border('symmetric', [2, 4], [4, 1]),
  border('symmetric', [1, 3, 2, 4], [1, 1, 0, 2]),
  border('replicate', [2, 3], [2, 4]),
  border('replicate', [1, 2, 2, 3, 2], [1, 0, 0, 2, 1, 1]),
  border('circular', [2, 3], [3, 2]),
  border('circular', [1, 3, 2, 4], [0, 4, 2, 0]),
  {
    title: 'pad: reflect, one side cut',
    fn: (x) => ops.pad(x, [[-1, 2]], { mode: 'reflect' }),
    inputs: [input([2, 4], fill)],
    reference: moved([2, 5], ([i, j]) => [i, j < 3 ? j + 1 : 5 - j]),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'pad: a flat list begins with the last axis',
    fn: (x) => ops.pad(x, [1, 0, 2, -1], { value: 1.5 }),
    inputs: [input([2, 3, 2], fill)],
    reference: (x) => build([2, 4, 3], ([i, j, k]) => (j >= 2 && k >= 1 ? at(x, [i, j - 2, k - 1]) : 1.5)),
    kind: 'moves',
    isSingle: true,
  },
]

const shuffles: OpCase[] = [
  {
    title: 'pixelShuffle: two images',
    fn: (x) => ops.pixelShuffle(x, 2),
    inputs: [input([2, 8, 2, 3], fill)],
    reference: moved([2, 2, 4, 6], ([b, c, h, w]) => [b, 4 * c + 2 * (h % 2) + (w % 2), h >> 1, w >> 1]),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'pixelUnshuffle: one image',
    fn: (x) => ops.pixelUnshuffle(x, 2),
    inputs: [input([2, 4, 6], fill)],
    reference: moved([8, 2, 3], ([c, h, w]) => [c >> 2, 2 * h + ((c >> 1) % 2), 2 * w + (c % 2)]),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'channelShuffle: three groups',
    fn: (x) => ops.channelShuffle(x, 3),
    inputs: [input([2, 6, 2], fill)],
    reference: moved([2, 6, 2], ([b, c, i]) => [b, (c % 3) * 2 + Math.floor(c / 3), i]),
    kind: 'moves',
    isSingle: true,
  },
]

/** Positions that stay away from elements, halves and borders of axes of these sizes, where a mode has a kink. */
const offGrid =
  (axes: readonly number[]): Fill =>
  (n, random) =>
    Array.from({ length: n }, () => {
      for (;;) {
        const x = -1.4 + 2.8 * random()
        const places = axes.flatMap((size) => [(x + 1) * (size - 1), (x + 1) * size])
        if (places.every((place) => Math.abs(place - Math.round(place)) > 0.06)) return x
      }
    })

/** [position, weight] along an axis of size n, -1 for what reads zero. */
function taps(x: number, n: number, options: GridSampleOptions): [number, number][] {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  const p = alignCorners ? ((x + 1) / 2) * (n - 1) : ((x + 1) * n - 1) / 2
  const inside = (q: number) => {
    if (paddingMode === 'zeros') return q
    let back = q
    const [low, high] = alignCorners ? [0, n - 1] : [-0.5, n - 0.5]
    for (let turn = 0; paddingMode === 'reflection' && turn < 20; turn++)
      back = back < low ? 2 * low - back : back > high ? 2 * high - back : back
    return Math.min(Math.max(back, 0), n - 1)
  }
  const readable = (q: number) => (q >= 0 && q < n ? q : -1)
  if (mode === 'bicubic') {
    const first = Math.floor(p)
    return [-1, 0, 1, 2].map((k) => [readable(inside(first + k)), cubic(p - first - k, -0.75)])
  }
  const q = inside(p)
  if (mode === 'nearest') return [[readable(Math.round(q)), 1]]
  return [0, 1].map((k) => [readable(Math.floor(q) + k), triangle(q - Math.floor(q) - k)])
}

function sample(title: string, x: number[], grid: number[], options: GridSampleOptions): OpCase {
  return {
    title: `gridSample: ${title}`,
    fn: (a, g) => ops.gridSample(a, g, options),
    inputs: [input(x, fill), input(grid, offGrid(x.slice(2)))],
    reference: (a, g) =>
      build([x[0], x[1], ...grid.slice(1, -1)], ([b, c, ...p]) => {
        const axes = x.slice(2).map((n, i) => taps(at(g, [b, ...p, x.length - 3 - i]), n, options))
        return positionsOf(axes.map((list) => list.length)).reduce((sum, choice) => {
          const chosen = choice.map((k, i) => axes[i][k])
          if (chosen.some(([q]) => q < 0)) return sum
          const weight = chosen.reduce((w, [, v]) => w * v, 1)
          return sum + weight * at(a, [b, c, ...chosen.map(([q]) => q)])
        }, 0)
      }),
    kind: 'sums',
    looser: { factor: 4, because: 'a position loses digits when it is scaled to elements' },
    only: { dtypes: ['f32'], because: 'a position in a narrow dtype is another position' },
  }
}

const samples: OpCase[] = (['zeros', 'border', 'reflection'] as const).flatMap((paddingMode) => [
  sample(`bilinear, ${paddingMode}`, [2, 2, 3, 2], [2, 1, 2, 2], { paddingMode }),
  sample(`bilinear, ${paddingMode}, corners aligned`, [1, 1, 3, 4], [1, 2, 2, 2], { paddingMode, alignCorners: true }),
  sample(`nearest, ${paddingMode}`, [1, 1, 3, 4], [1, 2, 2, 2], { paddingMode, mode: 'nearest' }),
  sample(`bicubic, ${paddingMode}`, [1, 1, 3, 2], [1, 1, 2, 2], { paddingMode, mode: 'bicubic' }),
])
samples.push(sample('volumes', [1, 1, 2, 3, 2], [1, 1, 2, 1, 3], {}))

const affine = (title: string, size: number[], alignCorners: boolean): OpCase => {
  const image = size.slice(2)
  const n = image.length
  return {
    title: `affineGrid: ${title}`,
    fn: (theta) => ops.affineGrid(theta, size, { alignCorners }),
    inputs: [input([size[0], n, n + 1], fill)],
    reference: (theta) =>
      build([size[0], ...image, n], ([b, ...rest]) => {
        const row = rest[n]
        const place = image.map((m, i) =>
          alignCorners ? (m > 1 ? (2 * rest[i]) / (m - 1) - 1 : 0) : (2 * rest[i] + 1) / m - 1,
        )
        return [...place.reverse(), 1].reduce((sum, v, i) => sum + v * at(theta, [b, row, i]), 0)
      }),
    kind: 'sums',
  }
}

export const resampleCases: readonly OpCase[] = [
  ...sizes,
  ...borders,
  ...shuffles,
  ...samples,
  affine('images', [2, 3, 2, 3], false),
  affine('volumes, corners aligned', [1, 1, 2, 1, 3], true),
]
