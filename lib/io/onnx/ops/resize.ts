/** @file ONNX's Resize and Upsample: along each axis, every result is a weighted sum of some inputs. */
import { isFloat } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { tensor } from '../../../ops/create.ts'
import { where } from '../../../ops/elementwise.ts'
import { take } from '../../../ops/indexing.ts'
import { reshape } from '../../../ops/layout.ts'
import { resample } from '../../../ops/resample.ts'
import { cast, constant } from '../../../ops/table.ts'
import { checkShape, normalizeAxis } from '../../../shape.ts'
import type { Node, Ops } from '../node.ts'
import { integers } from './shape.ts'

/** How one axis changes. */
interface Axis {
  readonly from: number
  readonly to: number
  readonly scale: number
  /** Of tf_crop_and_resize. */
  readonly roi: readonly [number, number]
}

interface Settings {
  readonly mode: string
  readonly transform: string
  readonly nearest: string
  readonly cubic: number
  readonly excludeOutside: boolean
  readonly antialias: boolean
}

/** Where position i of the result lies among the inputs. */
function sourceOf(node: Node, i: number, { from, to, scale, roi: [start, end] }: Axis, transform: string): number {
  // The length before it was rounded down.
  const length = from * scale
  switch (transform) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5
    case 'half_pixel_symmetric': {
      const adjustment = to / length
      return (from / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5
    }
    case 'pytorch_half_pixel':
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0
    case 'align_corners':
      return to > 1 ? (i * (from - 1)) / (length - 1) : 0
    case 'asymmetric':
      return i / scale
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / scale
    case 'tf_crop_and_resize':
      return to > 1
        ? start * (from - 1) + (i * (end - start) * (from - 1)) / (length - 1)
        : 0.5 * (start + end) * (from - 1)
    default:
      return node.refuse(`has coordinate_transformation_mode = ${transform}.`)
  }
}

function nearestTo(node: Node, x: number, { nearest }: Settings, scale: number): number {
  switch (nearest) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5)
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5)
    case 'floor':
      return Math.floor(x)
    case 'ceil':
      return Math.ceil(x)
    case 'simple':
      return scale < 1 ? Math.ceil(x) : Math.floor(x)
    default:
      return node.refuse(`has nearest_mode = ${nearest}.`)
  }
}

/** The triangle of linear interpolation, and Keys' cubic. */
const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x))
function cubic(given: number, a: number): number {
  const x = Math.abs(given)
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0
}

interface Line {
  readonly positions: readonly number[]
  readonly weights: readonly number[]
}

/** Inputs and weights of one position. Those outside are the border's, or left out. */
function lineAt(x: number, axis: Axis, settings: Settings): Line {
  const isCubic = settings.mode === 'cubic'
  // A smaller result sums over a wider window.
  const scale = settings.antialias ? Math.min(axis.scale, 1) : 1
  const reach = isCubic ? 2 : 1
  const first = Math.floor(x) + Math.floor(-reach / scale) + 1
  const count = 2 * (1 - (Math.floor(-reach / scale) + 1))
  const sums = new Map<number, number>()
  let total = 0
  for (let k = 0; k < count; k++) {
    const at = first + k
    const weight = isCubic ? cubic((at - x) * scale, settings.cubic) : triangle((at - x) * scale)
    const isOutside = at < 0 || at >= axis.from
    if (isOutside && settings.excludeOutside) continue
    const inside = Math.min(Math.max(at, 0), axis.from - 1)
    sums.set(inside, (sums.get(inside) ?? 0) + weight)
    total += weight
  }
  const positions = [...sums.keys()]
  return { positions, weights: positions.map((at) => sums.get(at)! / total) }
}

/** Most inputs that one result may be a sum of. */
const WIDEST = 2 ** 16

function resizedAxis(node: Node, x: Tensor, index: number, axis: Axis, settings: Settings): Tensor {
  if (axis.from === axis.to && axis.scale === 1 && settings.transform !== 'tf_crop_and_resize') return x
  const places = Array.from({ length: axis.to }, (_, i) => sourceOf(node, i, axis, settings.transform))
  if (settings.mode === 'nearest') {
    const ids = places.map((at) => Math.min(Math.max(nearestTo(node, at, settings, axis.scale), 0), axis.from - 1))
    return take(x, integers(ids), index)
  }
  if (settings.antialias && axis.scale * WIDEST < 1) return node.refuse(`scales by ${axis.scale}.`)
  const lines = places.map((at) => lineAt(at, axis, settings))
  const key = JSON.stringify([axis, settings])
  const wide = isFloat(x.dtype) ? x : cast(x, 'f32')
  return resample(wide, index, lines, key)
}

/** Outside of a cropped box there is one value. */
function extrapolated(node: Node, y: Tensor, axes: readonly (Axis | null)[], value: number): Tensor {
  return axes.reduce<Tensor>((result, axis, index) => {
    if (!axis) return result
    const outside = Uint8Array.from({ length: axis.to }, (_, i) => {
      const at = sourceOf(node, i, axis, 'tf_crop_and_resize')
      return at < 0 || at > axis.from - 1 ? 1 : 0
    })
    const mask = tensor(outside, { dtype: 'bool' })
    const shaped = reshape(
      mask,
      result.shape.map((_, i) => (i === index ? axis.to : 1)),
    )
    return where(shaped, constant(value, result.dtype), result)
  }, y)
}

/** Sizes and scales by axis, from what the node gives. */
function axesOf(node: Node, x: Tensor, scales: readonly number[], sizes: readonly number[]): (Axis | null)[] {
  const axes = (node.ints('axes') ?? x.shape.map((_, i) => i)).map((axis) => normalizeAxis(node.op, axis, x.rank))
  const given = sizes.length > 0 ? sizes : scales
  if (given.length !== axes.length) return node.refuse(`has ${given.length} sizes or scales for ${axes.length} axes.`)
  const roi = node.op === 'Resize' && node.version >= 11 && node.has(1) ? node.numbers(1) : []
  const policy = node.text('keep_aspect_ratio_policy', 'stretch')
  const ratios = axes.map((axis, k) => (sizes.length > 0 ? sizes[k]! / x.shape[axis]! : scales[k]!))
  const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : null
  return x.shape.map((from, i) => {
    const k = axes.indexOf(i)
    if (k < 0) return null
    const isKept = sizes.length > 0 && common !== null
    const scale = isKept ? common : ratios[k]!
    const to = isKept ? Math.floor(common * from + 0.5) : sizes.length > 0 ? sizes[k]! : Math.floor(scale * from)
    if (!(scale > 0) || from === 0) return to === from ? null : node.refuse(`scales axis ${i} of ${from} by ${scale}.`)
    return { from, to, scale, roi: [roi[k] ?? 0, roi[axes.length + k] ?? 1] }
  })
}

function resized(node: Node, scales: readonly number[], sizes: readonly number[], settings: Settings): Tensor {
  const x = node.input(0)
  const axes = axesOf(node, x, scales, sizes)
  checkShape(
    node.op,
    x.shape.map((size, i) => axes[i]?.to ?? size),
  )
  if (axes.some((axis) => axis && axis.to > 2 ** 24)) return node.refuse('makes an axis too long.')
  const y = axes.reduce<Tensor>((t, axis, i) => (axis ? resizedAxis(node, t, i, axis, settings) : t), x)
  const isCropped = settings.transform === 'tf_crop_and_resize'
  return cast(isCropped ? extrapolated(node, y, axes, node.float('extrapolation_value', 0)) : y, x.dtype)
}

function modeOf(node: Node, otherwise: string): string {
  const mode = node.text('mode', otherwise)
  if (!['nearest', 'linear', 'bilinear', 'trilinear', 'cubic', 'bicubic'].includes(mode))
    return node.refuse(`has the mode ${mode}.`)
  return mode.endsWith('linear') ? 'linear' : mode.endsWith('cubic') ? 'cubic' : mode
}

const PLAIN = { transform: 'asymmetric', nearest: 'simple', cubic: -0.75, excludeOutside: false, antialias: false }

function resizeOf(node: Node): Tensor {
  const mode = modeOf(node, 'nearest')
  if (node.version < 11) return resized(node, node.numbers(1), [], { ...PLAIN, mode })
  const scales = node.has(2) ? node.numbers(2) : []
  const sizes = node.has(3) ? node.integers(3) : []
  return resized(node, scales, sizes, {
    mode,
    transform: node.text('coordinate_transformation_mode', 'half_pixel'),
    nearest: node.text('nearest_mode', 'round_prefer_floor'),
    cubic: node.float('cubic_coeff_a', -0.75),
    excludeOutside: node.flag('exclude_outside'),
    antialias: node.flag('antialias'),
  })
}

function upsample(node: Node): Tensor {
  const mode = modeOf(node, 'nearest')
  if (node.version >= 9) return resized(node, node.numbers(1), [], { ...PLAIN, mode })
  const old = [1, 1, node.float('height_scale', 1), node.float('width_scale', 1)]
  return resized(node, node.floats('scales') ?? old, [], { ...PLAIN, mode })
}

export const resize: Ops = { Resize: { run: resizeOf, frozen: [1, 2, 3] }, Upsample: { run: upsample, frozen: [1] } }
