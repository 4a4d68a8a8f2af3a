/** @file Losses of boxes [x1, y1, x2, y2] (x1 <= x2, y1 <= y2) by how much they overlap. */
import { checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { add, atan, div, maximum, minimum, mul, square, sub } from './elementwise.ts'
import { slice, unsqueeze } from './layout.ts'
import { floatInput, paired, positivePart, reduceLoss } from './loss-reduction.ts'
import type { LossOptions } from './loss-reduction.ts'
import { constant } from './table.ts'
import type { TensorLike } from './table.ts'

/** Keeps quotients of empty boxes finite. */
const EPS = 1e-7

type Box = readonly [x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor]

function sides(op: string, t: Tensor): Box {
  if (t.rank === 0 || t.shape[t.rank - 1] !== 4) fail('SHAPE', op, `boxes are [..., 4], got ${showShape(t.shape)}.`)
  const lead = t.shape.slice(0, -1).map(() => null)
  return [0, 1, 2, 3].map((i) => slice(t, [...lead, i])) as unknown as Box
}

const area = ([x1, y1, x2, y2]: Box) => mul(sub(x2, x1), sub(y2, y1))
const small = (x: Tensor) => constant(EPS, x.dtype)

/** Intersection over union, and the union. */
function overlap(a: Box, b: Box): { iou: Tensor; union: Tensor } {
  const width = positivePart(sub(minimum(a[2], b[2]), maximum(a[0], b[0])))
  const height = positivePart(sub(minimum(a[3], b[3]), maximum(a[1], b[1])))
  const both = mul(width, height)
  const union = sub(add(area(a), area(b)), both)
  return { iou: div(both, add(union, small(union))), union }
}

/** The smallest box around two. */
const hull = (a: Box, b: Box): Box => [
  minimum(a[0], b[0]),
  minimum(a[1], b[1]),
  maximum(a[2], b[2]),
  maximum(a[3], b[3]),
]

/** Squared distance of the middles over that of the hull's corners. */
function apart(a: Box, b: Box): Tensor {
  const half = constant(0.5, a[0].dtype)
  const middle = (low: Tensor, high: Tensor) => mul(add(low, high), half)
  const off = (i: 0 | 1) => square(sub(middle(a[i], a[i + 2]!), middle(b[i], b[i + 2]!)))
  const [x1, y1, x2, y2] = hull(a, b)
  const diagonal = add(square(sub(x2, x1)), square(sub(y2, y1)))
  return div(add(off(0), off(1)), add(diagonal, small(diagonal)))
}

/** Intersection over union of every box of a [N, 4] with every one of b [M, 4]: [N, M]. */
export function boxIou(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [floatInput('boxIou', a), floatInput('boxIou', b)]
  if (x.rank !== 2 || y.rank !== 2)
    fail('SHAPE', 'boxIou', `needs [N, 4] and [M, 4], got ${showShape(x.shape)} and ${showShape(y.shape)}.`)
  return overlap(sides('boxIou', unsqueeze(x, 1)), sides('boxIou', unsqueeze(y, 0))).iou
}

function boxLoss(
  op: string,
  input: TensorLike,
  target: TensorLike,
  options: LossOptions,
  loss: (a: Box, b: Box, iou: Tensor, union: Tensor) => Tensor,
): Tensor {
  checkOptions(op, options, ['reduction'])
  const [x, t] = paired(op, input, target)
  const [a, b] = [sides(op, x), sides(op, t)]
  const { iou, union } = overlap(a, b)
  return reduceLoss(op, loss(a, b, iou, union), options.reduction)
}

const missing = (iou: Tensor) => sub(constant(1, iou.dtype), iou)

/** 1 - IoU of boxes [..., 4] and [..., 4] (Yu et al. 2016). */
export function iouLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return boxLoss('iouLoss', input, target, options, (_, __, iou) => missing(iou))
}

/** 1 - IoU + the share of the hull that neither covers (Rezatofighi et al. 2019): boxes that do not meet have a gradient too. */
export function giouLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return boxLoss('giouLoss', input, target, options, (a, b, iou, union) => {
    const whole = area(hull(a, b))
    return add(missing(iou), div(sub(whole, union), add(whole, small(whole))))
  })
}

/** 1 - IoU + the squared distance of the middles over that of the hull's corners (Zheng et al. 2020). */
export function diouLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return boxLoss('diouLoss', input, target, options, (a, b, iou) => add(missing(iou), apart(a, b)))
}

/** diouLoss + alpha v, v = 4 / pi^2 (difference of the angles of the diagonals)^2, alpha = v / (1 - IoU + v), which has no gradient (Zheng et al. 2020). */
export function ciouLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return boxLoss('ciouLoss', input, target, options, (a, b, iou) => {
    const slope = ([x1, y1, x2, y2]: Box) => atan(div(sub(x2, x1), add(sub(y2, y1), small(y1))))
    const v = mul(square(sub(slope(a), slope(b))), constant(4 / Math.PI ** 2, iou.dtype))
    const alpha = detach(div(v, add(add(missing(iou), v), small(v))))
    return add(add(missing(iou), apart(a, b)), mul(alpha, v))
  })
}
