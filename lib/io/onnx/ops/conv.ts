/** @file ONNX's convolutions. */
import type { Tensor } from '../../../graph/tensor.ts'
import { iota } from '../../../ops/create.ts'
import { conv1d, conv2d, conv3d } from '../../../ops/conv.ts'
import { convTranspose1d, convTranspose2d, convTranspose3d } from '../../../ops/conv-transpose.ts'
import { matmul } from '../../../ops/contraction.ts'
import { add, eq, mul, silu } from '../../../ops/elementwise.ts'
import { gridSample } from '../../../ops/grid-sample.ts'
import { concat, expand, narrow, pad, reshape, slice, stack } from '../../../ops/layout.ts'
import { cast, constant } from '../../../ops/table.ts'
import { fold } from '../../../ops/unfold.ts'
import { sizeOf } from '../../../shape.ts'
import type { Node, OpResult, Ops } from '../node.ts'
import { bordersOf, isEven, perAxis, windowsOf } from './windows.ts'

type Convolution = (x: Tensor, w: Tensor, b: Tensor | null, options: object) => Tensor
const FORWARD = [conv1d, conv2d, conv3d] as readonly Convolution[]
const BACK = [convTranspose1d, convTranspose2d, convTranspose3d] as readonly Convolution[]

const ofRank = (node: Node, list: readonly Convolution[], n: number): Convolution =>
  list[n - 1] ?? node.refuse(`has ${n} spatial axes; 1 to 3 are supported.`)

/** x [B, C, ...] with weight [O, C / groups, ...]. */
export function convolve(node: Node, x: Tensor, w: Tensor, bias: Tensor | null): Tensor {
  const n = x.rank - 2
  const forward = ofRank(node, FORWARD, n)
  if (w.rank !== x.rank) return node.refuse(`has a weight [${w.shape.join()}] for [${x.shape.join()}].`)
  const windows = windowsOf(node, x.shape.slice(2), node.ints('kernel_shape') ?? w.shape.slice(2))
  const even = isEven(windows)
  return forward(even ? x : pad(x, bordersOf(windows)), w, bias, {
    stride: windows.strides,
    padding: even ? windows.before : 0,
    dilation: windows.dilations,
    groups: node.int('group', 1),
  })
}

/** Paddings of a transposed convolution: given, or what `output_shape` leaves over. */
function backPads(node: Node, full: readonly number[], behind: readonly number[]): [number[], number[]] {
  const n = full.length
  const auto = node.text('auto_pad', 'NOTSET')
  const strides = perAxis(node, 'strides', n, 1, 1)
  const wanted = node.ints('output_shape')?.slice(-n)
  const pads = perAxis(node, 'pads', 2 * n, 0, -(2 ** 31))
  if (!wanted && !auto.startsWith('SAME')) return [pads.slice(0, n), pads.slice(n)]
  if (wanted && wanted.length !== n) return node.refuse(`has output_shape = ${wanted.join()}.`)
  const images = node.input(0).shape.slice(2)
  const total = full.map((size, i) => size + behind[i]! - (wanted ? wanted[i]! : images[i]! * strides[i]!))
  const half = total.map((size) => Math.floor(size / 2))
  const rest = total.map((size, i) => size - half[i]!)
  return auto === 'SAME_UPPER' ? [half, rest] : [rest, half]
}

function convTranspose(node: Node): Tensor {
  const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)]
  const n = x.rank - 2
  const back = ofRank(node, BACK, n)
  if (w.rank !== x.rank) return node.refuse(`has a weight [${w.shape.join()}] for [${x.shape.join()}].`)
  const strides = perAxis(node, 'strides', n, 1, 1)
  const dilations = perAxis(node, 'dilations', n, 1, 1)
  const behind = perAxis(node, 'output_padding', n, 0, 0)
  const full = x.shape.slice(2).map((size, i) => (size - 1) * strides[i]! + (w.shape[i + 2]! - 1) * dilations[i]! + 1)
  const [before, after] = backPads(node, full, behind)
  const y = back(x, w, null, { stride: strides, dilation: dilations, groups: node.int('group', 1) })
  const borders = full.map((_, i): [number, number] => [-before[i]!, behind[i]! - after[i]!])
  const cut = pad(y, borders)
  return bias ? add(cut, reshape(bias, [bias.size, ...borders.map(() => 1)])) : cut
}

/** Columns [B, C kernel, windows] added up into images. */
function columnsToImage(node: Node): Tensor {
  const x = node.input(0)
  const [image, block] = [node.integers(1), node.integers(2)]
  const n = image.length
  const windows = windowsOf(node, image, block)
  const kernel = sizeOf(block)
  const [b, rows] = x.shape as [number, number]
  if (x.rank !== 3 || rows % kernel !== 0)
    return node.refuse(`has columns [${x.shape.join()}] for a kernel of ${kernel}.`)
  const c = rows / kernel
  if (n <= 2 && isEven(windows)) {
    const two = (list: readonly number[], height: number): [number, number] =>
      n === 2 ? [list[0]!, list[1]!] : [height, list[0]!]
    const y = fold(x, two(image, 1), two(block, 1), {
      stride: two(windows.strides, 1),
      padding: two(windows.before, 0),
      dilation: two(windows.dilations, 1),
    })
    return reshape(y, [b, c, ...image])
  }
  return foldByConvolution(node, x, c, image, windows)
}

/** Any number of axes: a transposed convolution whose kernel puts each row at its own place. */
function foldByConvolution(
  node: Node,
  x: Tensor,
  c: number,
  image: readonly number[],
  windows: ReturnType<typeof windowsOf>,
): Tensor {
  const { kernel, strides, dilations, before, behind } = windows
  const k = sizeOf(kernel)
  const counts = image.map(
    (size, i) => Math.floor((size + before[i]! + behind[i]! - dilations[i]! * (kernel[i]! - 1) - 1) / strides[i]!) + 1,
  )
  const b = x.shape[0]!
  const places = iota([k], 'i64')
  const identity = cast(eq(reshape(places, [k, 1]), places), x.dtype)
  const back = ofRank(node, BACK, image.length)
  const y = back(reshape(x, [b * c, k, ...counts]), reshape(identity, [k, 1, ...kernel]), null, {
    stride: strides,
    dilation: dilations,
  })
  const full = y.shape.slice(2)
  const cut = pad(
    y,
    image.map((size, i): [number, number] => [-before[i]!, size + before[i]! - full[i]!]),
  )
  return reshape(cut, [b, c, ...image])
}

/** Each tap of the kernel reads at a place of its own, between pixels, with a weight of its own (Dai et al. 2017; Zhu et al. 2018). */
function deformConv(node: Node): Tensor {
  const [x, w, offset] = [node.input(0), node.input(1), node.input(2)]
  const [bias, mask] = [node.optional(3), node.optional(4)]
  if (x.rank !== 4 || w.rank !== 4) return node.refuse('is supported for images only.')
  const [b, c, h, width] = x.shape as [number, number, number, number]
  const [o, , kh, kw] = w.shape as [number, number, number, number]
  const windows = windowsOf(node, [h, width], [kh, kw])
  const [groups, parts] = [node.int('group', 1), node.int('offset_group', 1)]
  const [oh, ow] = offset.shape.slice(2) as [number, number]
  const k = kh * kw
  if (c % parts !== 0 || c % groups !== 0 || offset.shape[1] !== parts * k * 2)
    return node.refuse(`has offsets [${offset.shape.join()}] for ${parts} groups of [${x.shape.join()}].`)
  // [B, parts, K, 2, OH, OW], each (y, x)
  const moved = reshape(offset, [b, parts, k, 2, oh, ow])
  const places = [kh, kw].map((size, i) => {
    const { strides, dilations, before } = windows
    const count = i === 0 ? oh : ow
    const starts = add(mul(iota([count], 'f32'), strides[i]!), -before[i]!)
    const taps = mul(iota([size], 'f32'), dilations[i]!)
    const tap = reshape(expand(reshape(taps, i === 0 ? [size, 1] : [1, size]), [kh, kw]), [k, 1, 1])
    const base = cast(add(tap, reshape(starts, i === 0 ? [count, 1] : [1, count])), x.dtype)
    const at = add(reshape(narrow(moved, 3, i, 1), [b, parts, k, oh, ow]), base)
    // As gridSample has it with alignCorners false: pixel p lies at (2 p + 1) / size - 1.
    const extent = i === 0 ? h : width
    return add(mul(at, 2 / extent), 1 / extent - 1)
  })
  const grid = reshape(stack([places[1]!, places[0]!], 5), [b * parts, k * oh, ow, 2])
  const read = gridSample(reshape(x, [b * parts, c / parts, h, width]), grid, {
    mode: 'bilinear',
    paddingMode: 'zeros',
  })
  let columns = reshape(read, [b, parts, c / parts, k, oh * ow])
  if (mask) columns = mul(columns, reshape(mask, [b, parts, 1, k, oh * ow]))
  const rows = reshape(columns, [b, groups, (c / groups) * k, oh * ow])
  const y = reshape(matmul(reshape(w, [groups, o / groups, (c / groups) * k]), rows), [b, o, oh, ow])
  return bias ? add(y, reshape(bias, [o, 1, 1])) : y
}

/** A depthwise convolution of [B, C, T] that looks back only; what it needs of the steps before comes in and goes out. */
function causalConvWithState(node: Node): OpResult {
  const [x, w, bias, state] = [node.input(0), node.input(1), node.optional(2), node.optional(3)]
  if (x.rank !== 3 || w.rank !== 3) return node.refuse(`takes [B, C, T] and [C, 1, K], got [${x.shape.join()}].`)
  const [b, c] = x.shape as [number, number]
  const back = w.shape[2]! - 1
  const before = state ?? expand(constant(0, x.dtype), [b, c, back])
  const whole = concat([before, x], 2)
  const y = conv1d(whole, w, bias, { groups: c })
  const activation = node.text('activation', 'none')
  const activated =
    activation === 'silu' || activation === 'swish'
      ? silu(y)
      : activation === 'none' || activation === ''
        ? y
        : node.refuse(`has the activation ${activation}.`)
  return [activated, slice(whole, [null, null, [whole.shape[2]! - back, whole.shape[2]!]])]
}

export const conv: Ops = {
  CausalConvWithState: causalConvWithState,
  Col2Im: columnsToImage,
  Conv: (node) => convolve(node, node.input(0), node.input(1), node.optional(2)),
  ConvTranspose: convTranspose,
  DeformConv: deformConv,
}
