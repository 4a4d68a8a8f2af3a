/** @file What ONNX's convolutions and pools share: kernels, strides, dilations, and paddings that may differ on both sides. */
import type { Node } from '../node.ts'

export interface Windows {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly before: readonly number[]
  readonly behind: readonly number[]
}

/** A list of so many integers of at least `low`. */
export function perAxis(node: Node, name: string, n: number, otherwise: number, low: number): number[] {
  const list = node.ints(name) ?? new Array<number>(n).fill(otherwise)
  if (list.length !== n || list.some((value) => value < low || value > 2 ** 31))
    return node.refuse(`has ${name} = ${list.join()} for ${n} axes.`)
  return list
}

/** Reads the attributes; `auto_pad` SAME gives as many windows as there are strides in the image. */
export function windowsOf(node: Node, image: readonly number[], kernel: readonly number[]): Windows {
  const n = image.length
  if (kernel.length !== n || kernel.some((size) => size < 1 || size > 2 ** 31))
    return node.refuse(`has a kernel of ${kernel.join()} for ${n} axes.`)
  const strides = perAxis(node, 'strides', n, 1, 1)
  const dilations = perAxis(node, 'dilations', n, 1, 1)
  const pads = perAxis(node, 'pads', 2 * n, 0, 0)
  const auto = node.text('auto_pad', 'NOTSET')
  if (auto === 'NOTSET' || auto === '')
    return { kernel, strides, dilations, before: pads.slice(0, n), behind: pads.slice(n) }
  const zeros = image.map(() => 0)
  if (auto === 'VALID') return { kernel, strides, dilations, before: zeros, behind: zeros }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return node.refuse(`has auto_pad = ${auto}.`)
  const total = image.map((size, i) => {
    const windows = Math.ceil(size / strides[i]!)
    return Math.max(0, (windows - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - size)
  })
  const less = total.map((pad) => Math.floor(pad / 2))
  const more = total.map((pad, i) => pad - less[i]!)
  return auto === 'SAME_UPPER'
    ? { kernel, strides, dilations, before: less, behind: more }
    : { kernel, strides, dilations, before: more, behind: less }
}

/** Whether both sides of every axis have the same padding. */
export const isEven = ({ before, behind }: Windows): boolean => before.every((pad, i) => pad === behind[i])

/** Borders for `pad`, of the spatial axes. */
export const bordersOf = ({ before, behind }: Pick<Windows, 'before' | 'behind'>): [number, number][] =>
  before.map((pad, i) => [pad, behind[i]!])
