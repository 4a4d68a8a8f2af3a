/** @file What ops over one to three spatial axes should give: float64, one loop over windows for any number of axes. */
import { at, average, build, positionsOf, sizeOf } from './reference.ts'
import type { Nd } from './reference.ts'

/** A number for each axis, or one for all. */
type Each = number | readonly number[]
const axis = (each: Each, i: number) => (typeof each === 'number' ? each : each[i])

export interface Windows {
  stride?: Each
  /** Before the first element of each axis. */
  padding?: Each
  dilation?: Each
  groups?: number
  /** Of the result, where it does not follow from equal padding on both sides. */
  size?: readonly number[]
}

type Position = readonly number[]

const sizesOf = (
  image: Position,
  kernel: Position,
  { stride = 1, padding = 0, dilation = 1, size }: Windows,
): Position =>
  size ??
  image.map(
    (n, i) => Math.floor((n + 2 * axis(padding, i) - axis(dilation, i) * (kernel[i] - 1) - 1) / axis(stride, i)) + 1,
  )

/** Where a tap of the window of an output reads, or null outside of the image. */
function under(
  image: Position,
  out: Position,
  tap: Position,
  { stride = 1, padding = 0, dilation = 1 }: Windows,
): number[] | null {
  const p = out.map((o, i) => o * axis(stride, i) - axis(padding, i) + tap[i] * axis(dilation, i))
  return p.every((x, i) => x >= 0 && x < image[i]) ? p : null
}

/** x [B, C, ...], weight [O, C / groups, ...], bias [O]. */
export function convolution(x: Nd, weight: Nd, bias: Nd | null, windows: Windows = {}): Nd {
  const [B, C, ...image] = x.shape
  const [O, CG, ...kernel] = weight.shape
  const perGroup = O / (windows.groups ?? 1)
  return build([B, O, ...sizesOf(image, kernel, windows)], ([b, o, ...out]) => {
    let sum = bias ? bias.data[o] : 0
    const first = Math.floor(o / perGroup) * (C / (windows.groups ?? 1))
    for (let c = 0; c < CG; c++) {
      for (const tap of positionsOf(kernel)) {
        const p = under(image, out, tap, windows)
        if (p) sum += at(x, [b, first + c, ...p]) * at(weight, [o, c, ...tap])
      }
    }
    return sum
  })
}

const offsetOf = (shape: Position, position: Position) => position.reduce((sum, p, i) => sum * shape[i] + p, 0)

/** x [B, C, ...], weight [C, O / groups, ...], bias [O]; `windows.size`: of the result. */
export function convolutionBack(
  x: Nd,
  weight: Nd,
  bias: Nd | null,
  windows: Windows & { size: readonly number[] },
): Nd {
  const [B, C, ...image] = x.shape
  const [, OG, ...kernel] = weight.shape
  const groups = windows.groups ?? 1
  const shape = [B, OG * groups, ...windows.size]
  const y = build(shape, ([, o]) => (bias ? bias.data[o] : 0))
  for (const [b, c, ...from] of positionsOf([B, C, ...image])) {
    for (const [o, ...tap] of positionsOf([OG, ...kernel])) {
      const p = under(windows.size, from, tap, windows)
      const channel = Math.floor(c / (C / groups)) * OG + o
      if (p) y.data[offsetOf(shape, [b, channel, ...p])] += at(x, [b, c, ...from]) * at(weight, [c, o, ...tap])
    }
  }
  return y
}

/** [B, C, ...] -> [B, C taps, windows]. */
export function columns(x: Nd, kernel: Position, windows: Windows = {}): Nd {
  const [B, C, ...image] = x.shape
  const [taps, outs] = [positionsOf(kernel), positionsOf(sizesOf(image, kernel, windows))]
  return build([B, C * taps.length, outs.length], ([b, row, column]) => {
    const p = under(image, outs[column], taps[row % taps.length], windows)
    return p ? at(x, [b, Math.floor(row / taps.length), ...p]) : 0
  })
}

/** The transpose of `columns`. */
export function folded(x: Nd, image: Position, kernel: Position, windows: Windows = {}): Nd {
  const [taps, outs] = [positionsOf(kernel), positionsOf(sizesOf(image, kernel, windows))]
  const [B, rows] = x.shape
  const shape = [B, rows / taps.length, ...image]
  const y = build(shape, () => 0)
  for (const [b, row, column] of positionsOf(x.shape)) {
    const p = under(image, outs[column], taps[row % taps.length], windows)
    if (p) y.data[offsetOf(shape, [b, Math.floor(row / taps.length), ...p])] += at(x, [b, row, column])
  }
  return y
}

/** A function of the positions that each window of x [B, C, ...] reads inside of the image. */
function pooled(
  x: Nd,
  kernel: Position,
  windows: Windows,
  of: (values: number[], places: Position[], out: Position) => number,
): Nd {
  const [B, C, ...image] = x.shape
  const full = { stride: kernel, ...windows }
  return build([B, C, ...sizesOf(image, kernel, full)], ([b, c, ...out]) => {
    const places = positionsOf(kernel).flatMap((tap) => {
      const p = under(image, out, tap, full)
      return p ? [p] : []
    })
    return of(
      places.map((p) => at(x, [b, c, ...p])),
      places,
      out,
    )
  })
}

/** Maxima, and where in the image the first of them lies. */
export function greatest(x: Nd, kernel: Position, windows: Windows = {}): [Nd, Nd] {
  const image = x.shape.slice(2)
  return [
    pooled(x, kernel, windows, (values) => Math.max(...values)),
    pooled(x, kernel, windows, (values, places) => offsetOf(image, places[values.indexOf(Math.max(...values))])),
  ]
}

export interface Averages extends Windows {
  countIncludePad?: boolean
  divisorOverride?: number
}

export function averages(x: Nd, kernel: Position, windows: Averages = {}): Nd {
  const image = x.shape.slice(2)
  const { padding = 0, stride = kernel, countIncludePad = true, divisorOverride } = windows
  return pooled(x, kernel, windows, (values, _, out) => {
    const padded = out.map((o, i) => {
      const start = o * axis(stride, i) - axis(padding, i)
      return Math.min(start + kernel[i], image[i] + axis(padding, i)) - start
    })
    const divisor = divisorOverride ?? (countIncludePad ? sizeOf(padded) : values.length)
    return values.reduce((a, b) => a + b, 0) / divisor
  })
}

/** Windows [floor(i n / m), ceil((i + 1) n / m)) of each axis. */
function adaptive(x: Nd, size: Position, of: (values: number[], places: Position[]) => number): Nd {
  const [B, C, ...image] = x.shape
  return build([B, C, ...size], ([b, c, ...out]) => {
    const places = positionsOf(image).filter((p) =>
      p.every((k, i) => k >= Math.floor((out[i] * image[i]) / size[i]) && k < ((out[i] + 1) * image[i]) / size[i]),
    )
    return of(
      places.map((p) => at(x, [b, c, ...p])),
      places,
    )
  })
}

export const adaptiveAverages = (x: Nd, size: Position): Nd => adaptive(x, size, average)

export function adaptiveGreatest(x: Nd, size: Position): [Nd, Nd] {
  const image = x.shape.slice(2)
  return [
    adaptive(x, size, (values) => Math.max(...values)),
    adaptive(x, size, (values, places) => offsetOf(image, places[values.indexOf(Math.max(...values))])),
  ]
}

/** x at `indices` of planes of the given size, zeros elsewhere. */
export function unpooled(x: Nd, indices: Nd, size: Position): Nd {
  const [B, C, ...image] = x.shape
  const y = build([B, C, ...size], () => 0)
  x.data.forEach((value, i) => (y.data[Math.floor(i / sizeOf(image)) * sizeOf(size) + indices.data[i]] = value))
  return y
}

/** Resizes one axis: `read(i)` gives pairs of a position and its weight. */
export const resized =
  (along: number, size: number, read: (i: number) => readonly (readonly [number, number])[]) =>
  (x: Nd): Nd =>
    build(
      x.shape.map((n, i) => (i === along ? size : n)),
      (position) =>
        read(position[along]).reduce((sum, [from, weight]) => {
          const p = position.map((k, i) => (i === along ? Math.min(Math.max(from, 0), x.shape[along] - 1) : k))
          return sum + weight * at(x, p)
        }, 0),
    )
