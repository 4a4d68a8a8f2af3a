/** @file Convolution in two dimensions, and its two gradients: three bilinear maps, each the gradient of the others. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add } from './elementwise.ts'
import { reshape } from './layout.ts'
import { asTensor, cast, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

export type Pair = number | readonly [number, number]

interface ConvAttrs {
  /** [strideH, strideW, padTop, padLeft, dilationH, dilationW, groups]. */
  readonly window: readonly number[]
  /** Of the result. */
  readonly shape: Shape
}

const convRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2d',
  kind: 'kernel',
  epilogue: true,
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x, w], attrs: { window }, needs }) => [
    needs(0) ? convInput(dy, w!, window, x!.shape) : null,
    needs(1) ? convWeight(x!, dy, window, w!.shape) : null,
  ],
  emit: (e, { attrs }) => e.instr('conv2d', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window),
})

const convInputRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2dInput',
  kind: 'kernel',
  epilogue: true,
  infer: ([dy], { shape }) => ({ shape, dtype: dy!.dtype }),
  vjp: ({ dy: g, inputs: [dy, w], attrs: { window }, needs }) => [
    needs(0) ? conv(g, w!, window, dy!.shape) : null,
    needs(1) ? convWeight(g, dy!, window, w!.shape) : null,
  ],
  emit: (e, { attrs }) =>
    e.instr('conv2dInput', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window),
})

/** How many partial sums over the batch `native/ops/conv.cc` wants. */
const partsOf = (batch: number, elements: number) => (elements >= 2 ** 18 ? 1 : Math.min(Math.max(batch, 1), 8))

const convWeightRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2dWeight',
  kind: 'kernel',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy: g, inputs: [x, dy], attrs: { window }, needs }) => [
    needs(0) ? convInput(dy!, g, window, x!.shape) : null,
    needs(1) ? conv(x!, g, window, dy!.shape) : null,
  ],
  emit: (e, { attrs, inputs, outputs }) => {
    const parts = partsOf(inputs[0]!.shape[0]!, sizeOf(outputs[0]!.shape))
    const partials = parts > 1 ? [e.temp(outputs[0]!.dtype, [parts, sizeOf(outputs[0]!.shape)])] : []
    e.instr('conv2dWeight', [e.output(), ...partials], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window)
  },
})

const conv = (x: Tensor, w: Tensor, window: readonly number[], shape: Shape) =>
  apply(convRow, [x, w], { window, shape })
const convInput = (dy: Tensor, w: Tensor, window: readonly number[], shape: Shape) =>
  apply(convInputRow, [dy, w], { window, shape })
const convWeight = (x: Tensor, dy: Tensor, window: readonly number[], shape: Shape) =>
  apply(convWeightRow, [x, dy], { window, shape })

export interface Conv2dOptions {
  /** Default: 1. */
  stride?: Pair
  /** Zeros around the image, or 'same' (stride 1 only), or 'valid'. Default: 0. */
  padding?: Pair | 'same' | 'valid'
  /** Distance between the kernel's elements. Default: 1. */
  dilation?: Pair
  /** Channels fall into so many groups that do not see each other. Default: 1. */
  groups?: number
}

export function pairOf(op: string, name: string, value: Pair, low: number): readonly [number, number] {
  const [a, b] = typeof value === 'number' ? [value, value] : value
  checkInteger(op, name, a, low, 2 ** 31)
  checkInteger(op, name, b, low, 2 ** 31)
  return [a, b]
}

/**
 * Cross-correlation as deep learning calls convolution: x [B, C, H, W] (or [C, H, W]), weight [O, C / groups, KH, KW], bias [O] ->
 * [B, O, OH, OW] with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1.
 */
export function conv2d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: Conv2dOptions = {},
): Tensor {
  checkOptions('conv2d', options, ['stride', 'padding', 'dilation', 'groups'])
  const given = asTensor('conv2d', x)
  const w = asTensor('conv2d', weight)
  if ((given.rank !== 4 && given.rank !== 3) || w.rank !== 4) {
    fail(
      'SHAPE',
      'conv2d',
      `needs [B, C, H, W] and [O, C, KH, KW], got ${showShape(given.shape)} and ${showShape(w.shape)}.`,
    )
  }
  const t = given.rank === 3 ? reshape(given, [1, ...given.shape]) : given
  if (t.dtype !== w.dtype || !isFloat(t.dtype))
    fail('DTYPE', 'conv2d', `needs floats of one dtype, got ${t.dtype} and ${w.dtype}.`)
  const groups = checkInteger('conv2d', 'groups', options.groups ?? 1, 1, 2 ** 31)
  const [channels, outChannels] = [t.shape[1]!, w.shape[0]!]
  if (channels !== w.shape[1]! * groups || outChannels % groups !== 0) {
    fail(
      'SHAPE',
      'conv2d',
      `channels must fit: x ${showShape(t.shape)}, weight ${showShape(w.shape)}, groups ${groups}.`,
    )
  }
  const { window, size } = convWindow(t.shape, w.shape, options, groups)
  const y = conv(t, w, window, [t.shape[0]!, outChannels, ...size])
  if (bias && (bias.rank !== 1 || bias.size !== outChannels)) {
    fail('SHAPE', 'conv2d', `the bias must be [${outChannels}], got ${showShape(bias.shape)}.`)
  }
  const full = bias ? add(y, reshape(cast(asTensor('conv2d', bias), t.dtype), [outChannels, 1, 1])) : y
  return given.rank === 3 ? reshape(full, full.shape.slice(1)) : full
}

function convWindow(x: Shape, w: Shape, options: Conv2dOptions, groups: number): { window: number[]; size: number[] } {
  const stride = pairOf('conv2d', 'stride', options.stride ?? 1, 1)
  const dilation = pairOf('conv2d', 'dilation', options.dilation ?? 1, 1)
  const reach = [dilation[0] * (w[2]! - 1), dilation[1] * (w[3]! - 1)]
  let before: readonly [number, number]
  let total: number[]
  if (options.padding === 'same') {
    if (stride[0] !== 1 || stride[1] !== 1) fail('VALUE', 'conv2d', "padding 'same' needs stride 1.")
    total = reach
    before = [Math.floor(reach[0]! / 2), Math.floor(reach[1]! / 2)]
  } else {
    before = pairOf('conv2d', 'padding', options.padding === 'valid' ? 0 : (options.padding ?? 0), 0)
    total = [2 * before[0], 2 * before[1]]
  }
  const size = [0, 1].map((i) => Math.floor((x[2 + i]! + total[i]! - reach[i]! - 1) / stride[i]!) + 1)
  if (w[2] === 0 || w[3] === 0 || size[0]! <= 0 || size[1]! <= 0) {
    fail(
      'SHAPE',
      'conv2d',
      `the kernel ${showShape(w.slice(2))} does not fit into ${showShape(x.slice(2))} with its padding.`,
    )
  }
  return { window: [...stride, ...before, ...dilation, groups], size }
}
