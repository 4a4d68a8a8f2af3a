/** @file What convolution and pooling should give: float64, one loop for each letter. */
import { at, build } from './reference.ts'
import type { Nd } from './reference.ts'

type Two = readonly [number, number]
const pair = (x: number | Two): Two => (typeof x === 'number' ? [x, x] : x)

export interface Window {
  stride?: number | Two
  /** Before the first element of each axis; what lies behind the last follows from `size`. */
  padding?: number | Two
  dilation?: number | Two
  groups?: number
  /** [OH, OW] where it does not follow from equal padding on both sides. */
  size?: Two
}

function sizeOf(image: readonly number[], kernel: Two, { stride = 1, padding = 0, dilation = 1, size }: Window): Two {
  if (size) return size
  const along = (i: 0 | 1) =>
    Math.floor((image[i] + 2 * pair(padding)[i] - pair(dilation)[i] * (kernel[i] - 1) - 1) / pair(stride)[i]) + 1
  return [along(0), along(1)]
}

/** x [B, C, H, W], weight [O, C / groups, KH, KW], bias [O]. */
export function conv2d(x: Nd, weight: Nd, bias: Nd | null, window: Window = {}): Nd {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = window
  const [B, C, H, W] = x.shape
  const [O, CG, KH, KW] = weight.shape
  const [OH, OW] = sizeOf([H, W], [KH, KW], window)
  return build([B, O, OH, OW], ([b, o, oh, ow]) => {
    let sum = bias ? bias.data[o] : 0
    const first = Math.floor(o / (O / groups)) * (C / groups)
    for (let c = 0; c < CG; c++) {
      for (let kh = 0; kh < KH; kh++) {
        for (let kw = 0; kw < KW; kw++) {
          const h = oh * pair(stride)[0] - pair(padding)[0] + kh * pair(dilation)[0]
          const w = ow * pair(stride)[1] - pair(padding)[1] + kw * pair(dilation)[1]
          if (h < 0 || h >= H || w < 0 || w >= W) continue
          sum += at(x, [b, first + c, h, w]) * at(weight, [o, c, kh, kw])
        }
      }
    }
    return sum
  })
}

/** Positions [h, w] in the image of each window of a [B, C, H, W]; those outside are left out. */
function inside(
  image: Two,
  kernel: Two,
  { stride = kernel, padding = 0, dilation = 1 }: Window,
  oh: number,
  ow: number,
): Two[] {
  const found: Two[] = []
  for (let kh = 0; kh < kernel[0]; kh++) {
    for (let kw = 0; kw < kernel[1]; kw++) {
      const h = oh * pair(stride)[0] - pair(padding)[0] + kh * pair(dilation)[0]
      const w = ow * pair(stride)[1] - pair(padding)[1] + kw * pair(dilation)[1]
      if (h >= 0 && h < image[0] && w >= 0 && w < image[1]) found.push([h, w])
    }
  }
  return found
}

/** Values and positions h * W + w. */
export function maxPool2d(x: Nd, kernel: number | Two, window: Window = {}): [Nd, Nd] {
  const [B, C, H, W] = x.shape
  const full = { stride: kernel, ...window }
  const size = sizeOf([H, W], pair(kernel), full)
  const best = ([b, c, oh, ow]: readonly number[]): Two => {
    let winner: Two | null = null
    for (const p of inside([H, W], pair(kernel), full, oh, ow)) {
      if (!winner || at(x, [b, c, ...p]) > at(x, [b, c, ...winner])) winner = p
    }
    return winner!
  }
  const shape = [B, C, ...size]
  const values = build(shape, (p) => at(x, [p[0], p[1], ...best(p)]))
  const indices = build(shape, (p) => best(p)[0] * W + best(p)[1])
  return [values, indices]
}

export interface AverageWindow extends Window {
  countIncludePad?: boolean
  divisorOverride?: number
}

export function avgPool2d(x: Nd, kernel: number | Two, window: AverageWindow = {}): Nd {
  const [B, C, H, W] = x.shape
  const full = { stride: kernel, ...window }
  const size = sizeOf([H, W], pair(kernel), full)
  return build([B, C, ...size], ([b, c, oh, ow]) => {
    const found = inside([H, W], pair(kernel), full, oh, ow)
    const sum = found.reduce((s, p) => s + at(x, [b, c, ...p]), 0)
    if (window.divisorOverride !== undefined) return sum / window.divisorOverride
    return sum / (window.countIncludePad === false ? found.length : padded([H, W], pair(kernel), full, oh, ow))
  })
}

/** How many of a window's elements lie in the image or its padding (which is as wide behind as before). */
function padded(image: Two, kernel: Two, { stride = kernel, padding = 0 }: Window, oh: number, ow: number): number {
  const along = (i: 0 | 1, o: number) => {
    const start = o * pair(stride)[i] - pair(padding)[i]
    return Math.min(start + kernel[i], image[i] + pair(padding)[i]) - start
  }
  return along(0, oh) * along(1, ow)
}
