/** @file ONNX operators that read images at positions that are data. */
import type { Tensor } from '../../../graph/tensor.ts'
import { iota } from '../../../ops/create.ts'
import { add, clamp, div, floor, ge, le, logicalAnd, maximum, mul, sub, where } from '../../../ops/elementwise.ts'
import { affineGrid, gridSample } from '../../../ops/grid-sample.ts'
import { take } from '../../../ops/indexing.ts'
import { concat, expand, narrow, permute, reshape } from '../../../ops/layout.ts'
import { max, mean } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { checkShape } from '../../../shape.ts'
import type { Node, Ops } from '../node.ts'

const MODES: Readonly<Record<string, 'bilinear' | 'nearest' | 'bicubic'>> = {
  ...{ linear: 'bilinear', bilinear: 'bilinear', nearest: 'nearest', cubic: 'bicubic', bicubic: 'bicubic' },
}

function gridSampleOf(node: Node): Tensor {
  const given = node.text('mode', node.version >= 20 ? 'linear' : 'bilinear')
  const mode = Object.hasOwn(MODES, given) ? MODES[given]! : node.refuse(`has the mode ${given}.`)
  const paddingMode = node.text('padding_mode', 'zeros')
  if (paddingMode !== 'zeros' && paddingMode !== 'border' && paddingMode !== 'reflection')
    return node.refuse(`has padding_mode = ${paddingMode}.`)
  const [x, grid] = [node.input(0), node.input(1)]
  return gridSample(x, cast(grid, x.dtype), { mode, paddingMode, alignCorners: node.flag('align_corners') })
}

function affineGridOf(node: Node): Tensor {
  return affineGrid(node.input(0), node.integers(1), { alignCorners: node.flag('align_corners') })
}

/** Most points of a bin along an axis. */
const MOST_POINTS = 1024

/** Boxes [N, 4] of images [B, C, H, W] -> [N, C, oh, ow]: means (or maxima) of points between pixels (He et al. 2017). */
function roiAlign(node: Node): Tensor {
  const [x, boxes, batch] = [node.input(0), node.input(1), cast(node.input(2), 'i64')]
  const [oh, ow] = [node.int('output_height', 1), node.int('output_width', 1)]
  const ratio = node.int('sampling_ratio', 0)
  if (x.rank !== 4 || boxes.rank !== 2 || boxes.shape[1] !== 4) return node.refuse(`takes [B, C, H, W] and [N, 4].`)
  const isHalf = node.version >= 16 && node.text('coordinate_transformation_mode', 'half_pixel') === 'half_pixel'
  const scale = node.float('spatial_scale', 1)
  const placed = sub(mul(boxes, constant(scale, x.dtype)), constant(isHalf ? 0.5 : 0, x.dtype))
  const n = boxes.shape[0]!
  if (ratio > 0) return alignedBoxes(node, x, placed, batch, { oh, ow, isHalf, points: [ratio, ratio] })
  // As many points as pixels: the number depends on the box, so each is read on its own.
  const round = x.dtype === 'f64' ? Number : Math.fround
  const numbers = node.numbers(1).map((place) => round(round(place * scale) - (isHalf ? 0.5 : 0)))
  const rows = Array.from({ length: n }, (_, i) => {
    const [x1, y1, x2, y2] = numbers.slice(4 * i, 4 * i + 4) as [number, number, number, number]
    const [width, height] = isHalf ? [x2 - x1, y2 - y1] : [Math.max(1, x2 - x1), Math.max(1, y2 - y1)]
    const points: [number, number] = [Math.ceil(height / oh), Math.ceil(width / ow)]
    return alignedBoxes(node, x, narrow(placed, 0, i, 1), narrow(batch, 0, i, 1), { oh, ow, isHalf, points })
  })
  return rows.length > 0 ? concat(rows, 0) : expand(constant(0, x.dtype), [0, x.shape[1]!, oh, ow])
}

interface Bins {
  readonly oh: number
  readonly ow: number
  readonly isHalf: boolean
  /** Points of a bin, down and across. */
  readonly points: readonly [number, number]
}

function alignedBoxes(node: Node, x: Tensor, boxes: Tensor, batch: Tensor, { oh, ow, isHalf, points }: Bins): Tensor {
  const [b, c, h, w] = x.shape as [number, number, number, number]
  const n = boxes.shape[0]!
  if (points.some((count) => !(count >= 0 && count <= MOST_POINTS)) || oh < 1 || ow < 1)
    return node.refuse(`reads ${points.join(' x ')} points a bin of ${oh} x ${ow}.`)
  if (points.includes(0)) return expand(constant(0, x.dtype), checkShape(node.op, [n, c, oh, ow]))
  // Places [N, bins, points] along one axis.
  const along = (first: number, bins: number, count: number) => {
    const [low, high] = [narrow(boxes, 1, first, 1), narrow(boxes, 1, first + 2, 1)]
    const extent = sub(high, low)
    const length = isHalf ? extent : maximum(extent, constant(1, x.dtype))
    const bin = div(length, bins)
    const within = div(add(cast(iota([bins * count], 'f32'), x.dtype), constant(0.5, x.dtype)), count)
    return add(low, mul(bin, reshape(within, [1, bins * count])))
  }
  const ys = weightsOf(along(1, oh, points[0]), h)
  const xs = weightsOf(along(0, ow, points[1]), w)
  const planes = reshape(permute(x, [0, 2, 3, 1]), [b * h * w, c])
  const base = mul(reshape(batch, [n, 1, 1]), constant(h * w, 'i64'))
  const sums = ys.flatMap((down) =>
    xs.map((across) => {
      const row = mul(reshape(down.at, [n, oh * points[0], 1]), constant(w, 'i64'))
      const ids = add(add(base, row), reshape(across.at, [n, 1, ow * points[1]]))
      const weight = mul(reshape(down.weight, [n, oh * points[0], 1]), reshape(across.weight, [n, 1, ow * points[1]]))
      return mul(take(planes, ids, 0), reshape(weight, [...weight.shape, 1]))
    }),
  )
  const isMean = node.text('mode', 'avg') === 'avg'
  const cells = (t: Tensor) => reshape(t, [n, oh, points[0], ow, points[1], c])
  // The largest is one of the weighted corners, not of their sums.
  const pooled = isMean
    ? mean(cells(sums.reduce((s, t) => add(s, t))), [2, 4])
    : max(cells(sums.reduce((s, t) => maximum(s, t))), [2, 4])
  return permute(pooled, [0, 3, 1, 2])
}

/** Both neighbours of a place, with their shares; beyond the border by more than a pixel there is nothing. */
function weightsOf(given: Tensor, size: number): { at: Tensor; weight: Tensor }[] {
  const isInside = logicalAnd(ge(given, -1), le(given, size))
  const at = clamp(given, 0, size - 1)
  const low = clamp(floor(at), 0, size - 1)
  const share = sub(at, low)
  const high = clamp(add(low, 1), 0, size - 1)
  const zero = constant(0, given.dtype)
  return [
    { at: cast(low, 'i64'), weight: where(isInside, sub(constant(1, share.dtype), share), zero) },
    { at: cast(high, 'i64'), weight: where(isInside, share, zero) },
  ]
}

export const vision: Ops = {
  AffineGrid: { run: affineGridOf, frozen: [1] },
  GridSample: gridSampleOf,
  RoiAlign: roiAlign,
}
