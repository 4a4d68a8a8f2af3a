/** @file Windows of an image side by side, and their sum back: two linear maps, each the gradient of the other. */
import { fail } from '../errors.ts'
import { checkOptions } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { checkShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { reshape } from './layout.ts'
import { images, perAxis } from './spatial.ts'
import type { Pair } from './spatial.ts'
import { asTensor, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface WindowAttrs {
  /** [KH, KW, strideH, strideW, padTop, padLeft, dilationH, dilationW]. */
  readonly window: readonly number[]
  /** Of the result. */
  readonly shape: Shape
}

const unfoldRow: Row<WindowAttrs> = windowRow('unfold', (dy, window, shape) => foldWindows(dy, window, shape))
const foldRow: Row<WindowAttrs> = windowRow('fold', (dy, window, shape) => unfoldWindows(dy, window, shape))

function windowRow(name: string, transpose: typeof foldWindows): Row<WindowAttrs> {
  return defineRow<WindowAttrs>({
    name,
    kind: 'kernel',
    infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
    vjp: ({ dy, inputs: [x], attrs: { window } }) => [transpose(dy, window, x!.shape)],
    emit: (e, { attrs }) => e.instr(name, [e.output()], [e.packed(e.input(0))], attrs.window),
  })
}

/** [P, H, W] -> [P, taps, OH, OW]; `window` as in WindowAttrs. */
export function unfoldWindows(x: Tensor, window: readonly number[], shape: Shape): Tensor {
  return apply(unfoldRow, [x], { window, shape })
}

/** [P, taps, OH, OW] -> [P, H, W]. */
export function foldWindows(x: Tensor, window: readonly number[], shape: Shape): Tensor {
  return apply(foldRow, [x], { window, shape })
}

export interface UnfoldOptions {
  /** Default: 1. */
  dilation?: Pair
  /** Zeros on both sides. Default: 0. */
  padding?: Pair
  /** Default: 1. */
  stride?: Pair
}

/** What the kernel reads, and how many windows there are. */
function windowsOf(op: string, image: readonly number[], kernelSize: Pair, options: UnfoldOptions) {
  checkOptions(op, options, ['dilation', 'padding', 'stride'])
  const kernel = perAxis(op, 'kernelSize', kernelSize, 2, 1)
  const stride = perAxis(op, 'stride', options.stride ?? 1, 2, 1)
  const padding = perAxis(op, 'padding', options.padding ?? 0, 2, 0)
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, 2, 1)
  const size = kernel.map((k, i) => {
    const span = image[i]! + 2 * padding[i]! - dilation[i]! * (k - 1) - 1
    if (span < 0) fail('SHAPE', op, `the kernel ${showShape(kernel)} does not fit into ${showShape(image)}.`)
    return Math.floor(span / stride[i]!) + 1
  })
  return { window: [...kernel, ...stride, ...padding, ...dilation], taps: sizeOf(kernel), size }
}

/**
 * Every window of an image as a column (im2col): [B, C, H, W] -> [B, C KH KW, L], L windows in row-major order, zeros outside.
 * Without a batch where x has none.
 */
export function unfold(x: TensorLike, kernelSize: Pair, options: UnfoldOptions = {}): Tensor {
  const { t, image, restore } = images('unfold', x, 2)
  const { window, taps, size } = windowsOf('unfold', image, kernelSize, options)
  const [b, c] = t.shape as [number, number]
  const y = unfoldWindows(reshape(t, [b * c, ...image]), window, [b * c, taps, ...size])
  return restore(reshape(y, [b, c * taps, sizeOf(size)]))
}

/** The transpose of `unfold`: [B, C KH KW, L] -> [B, C, H, W] with [H, W] = outputSize; what falls on one element is added up. */
export function fold(x: TensorLike, outputSize: Pair, kernelSize: Pair, options: UnfoldOptions = {}): Tensor {
  const t = asTensor('fold', x)
  const image = perAxis('fold', 'outputSize', outputSize, 2, 1)
  const { window, taps, size } = windowsOf('fold', image, kernelSize, options)
  const [rows, windows] = t.shape.slice(-2) as [number, number]
  if ((t.rank !== 2 && t.rank !== 3) || rows % taps !== 0 || windows !== sizeOf(size)) {
    const expected = `[B, C ${taps}, ${sizeOf(size)}]`
    fail('SHAPE', 'fold', `needs ${expected}, or that without a batch, got ${showShape(t.shape)}.`)
  }
  const lead = [...t.shape.slice(0, -2), rows / taps]
  const planes = reshape(t, [sizeOf(lead), taps, ...size])
  return reshape(foldWindows(planes, window, [sizeOf(lead), ...image]), checkShape('fold', [...lead, ...image]))
}
