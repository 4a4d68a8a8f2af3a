/** @file drawDigits: pictures of handwritten digits, no download. Only + - * / and roots: every machine rounds those alike. */
import { checkInteger, checkOptions } from '../errors.ts'
import { digitShapes } from './digit-shapes.ts'
import type { Shape, Stroke } from './digit-shapes.ts'

export interface DrawDigitsOptions {
  /** How many pictures. */
  count: number
  /** Picture i is a function of (seed, i): another seed, other pictures. Default: 0. */
  seed?: number
  /** The number of the first picture: `{ first: 100, count: 50 }` goes on where `{ count: 100 }` ended. Default: 0. */
  first?: number
  /** Height and width in pixels, 12 to 256. Default: 28. */
  size?: number
}

export interface DrawnDigits {
  /** [count, size, size], white (255) on black (0). */
  readonly images: Uint8Array
  /** [count], 0 to 9. */
  readonly labels: Uint8Array
}

/** Pixels around 28 x 28 that lengths below are given in. */
const UNIT = 28
/** Pieces between two points of a stroke. */
const PIECES = 5
/** Points a side of the net that bends the paper. */
const NET = 4

/**
 * Draws digits as people write them: several shapes a digit, strokes that vary in form, thickness, slant, size and place, on bent paper
 * with noise. About 35 us a picture of 28 x 28 on one core, on the calling thread; draw a part at a time (`first`) to stay responsive.
 */
export function drawDigits(options: DrawDigitsOptions): DrawnDigits {
  checkOptions('drawDigits', options, ['count', 'seed', 'first', 'size'])
  const count = checkInteger('drawDigits', 'count', options.count, 0)
  const seed = checkInteger('drawDigits', 'the seed', options.seed ?? 0, 0)
  const first = checkInteger('drawDigits', 'first', options.first ?? 0, 0)
  const size = checkInteger('drawDigits', 'size', options.size ?? UNIT, 12, 256)
  const images = new Uint8Array(count * size * size)
  const labels = new Uint8Array(count)
  const ink = new Float64Array(size * size)
  for (let i = 0; i < count; i++) {
    const random = new Random(seed, first + i)
    const label = random.below(10)
    labels[i] = label
    ink.fill(0)
    draw(random, random.pick(digitShapes[label]!), ink, size)
    develop(random, ink, images.subarray(i * ink.length, (i + 1) * ink.length))
  }
  return { images, labels }
}

/** A counter through a mixing function of 32 bits: small, and a stream of its own for every picture. */
class Random {
  #state: number

  constructor(seed: number, index: number) {
    this.#state = mix(mix(seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) ^ 0x5bd1e995) ^ mix(index + 0x2545f491))
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    return mix(this.#state)
  }

  /** In [low, high). */
  uniform(low: number, high: number): number {
    return low + ((high - low) * this.next()) / 2 ** 32
  }

  /** Bell-shaped around 0, within 3 standard deviations. */
  bell(deviation: number): number {
    return deviation * (this.uniform(-1, 1) + this.uniform(-1, 1) + this.uniform(-1, 1))
  }

  below(n: number): number {
    return Math.floor((n * this.next()) / 2 ** 32)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

/** The finaliser of MurmurHash3 (Appleby, public domain): every bit in changes half of the bits out. */
function mix(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/** From a shape's box to pixels: bent by the net, then leaned, turned, stretched and moved. */
class Paper {
  readonly #dx: Float64Array
  readonly #dy: Float64Array
  readonly #matrix: readonly [xx: number, xy: number, yx: number, yy: number]
  readonly #center: readonly [x: number, y: number]

  constructor(random: Random, size: number) {
    this.#dx = Float64Array.from({ length: NET * NET }, () => random.bell(0.05))
    this.#dy = Float64Array.from({ length: NET * NET }, () => random.bell(0.05))
    const height = (size / UNIT) * random.uniform(15, 21)
    const width = height * random.uniform(0.7, 1.1)
    // Sine and cosine from the tangent of half the angle: no two machines differ in them.
    const half = random.bell(0.07)
    const [cos, sin] = [(1 - half * half) / (1 + half * half), (2 * half) / (1 + half * half)]
    const lean = 0.1 + random.bell(0.16)
    this.#matrix = [cos * width, -cos * lean * width - sin * height, sin * width, cos * height - sin * lean * width]
    const off = 0.28 * (size - height)
    this.#center = [(size - 1) / 2 + random.uniform(-off, off), (size - 1) / 2 + random.uniform(-off, off)]
  }

  /** Moves the points to where they are on the picture. */
  place(x: Float64Array, y: Float64Array): void {
    const [xx, xy, yx, yy] = this.#matrix
    for (let i = 0; i < x.length; i++) {
      const u = x[i]! + this.#bent(this.#dx, x[i]!, y[i]!) - 0.5
      const v = y[i]! + this.#bent(this.#dy, x[i]!, y[i]!) - 0.5
      x[i] = xx * u + xy * v + this.#center[0]
      y[i] = yx * u + yy * v + this.#center[1]
    }
  }

  #bent(net: Float64Array, x: number, y: number): number {
    const [column, row] = [within(x * (NET - 1), 0, NET - 1), within(y * (NET - 1), 0, NET - 1)]
    const [c, r] = [Math.min(Math.floor(column), NET - 2), Math.min(Math.floor(row), NET - 2)]
    const [s, t] = [smooth(column - c), smooth(row - r)]
    const at = r * NET + c
    const above = net[at]! + s * (net[at + 1]! - net[at]!)
    const below = net[at + NET]! + s * (net[at + NET + 1]! - net[at + NET]!)
    return above + t * (below - above)
  }
}

function draw(random: Random, shape: Shape, ink: Float64Array, size: number): void {
  const paper = new Paper(random, size)
  const radius = (size / UNIT) * random.uniform(0.7, 1.75)
  const curves = shape.map((stroke) => trace(shaken(random, stroke)))
  for (const { x, y } of curves) paper.place(x, y)
  // With room for the ink on both sides, pressed hardest.
  const dx = moveInto(
    curves.map(({ x }) => x),
    1.2 * radius,
    size - 1 - 1.2 * radius,
  )
  const dy = moveInto(
    curves.map(({ y }) => y),
    1.2 * radius,
    size - 1 - 1.2 * radius,
  )
  for (const { x, y } of curves) {
    // The pen is pressed harder at one end.
    const [begin, end] = [radius * random.uniform(0.8, 1.2), radius * random.uniform(0.8, 1.2)]
    for (let i = 1; i < x.length; i++) {
      const pressed = begin + ((end - begin) * i) / x.length
      line(ink, size, pressed, x[i - 1]! + dx, y[i - 1]! + dy, x[i]! + dx, y[i]! + dy)
    }
  }
}

/** How far to move the numbers so that all lie in [low, high]; those that do not fit go to the middle. */
function moveInto(lists: readonly Float64Array[], low: number, high: number): number {
  let [least, most] = [Infinity, -Infinity]
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      least = Math.min(least, list[i]!)
      most = Math.max(most, list[i]!)
    }
  }
  if (most - least > high - low) return (low + high - least - most) / 2
  return Math.max(0, low - least) + Math.min(0, high - most)
}

/** No hand meets a point exactly. */
function shaken(random: Random, { x, y, corner }: Stroke): Stroke {
  return { x: x.map((at) => at + random.bell(0.018)), y: y.map((at) => at + random.bell(0.018)), corner }
}

/** The points of the curve through a stroke's points: Catmull and Rom's spline, whose tangent is that of the neighbours. */
function trace({ x, y, corner }: Stroke): { x: Float64Array; y: Float64Array } {
  const last = x.length - 1
  const [outX, outY] = [new Float64Array(last * PIECES + 1), new Float64Array(last * PIECES + 1)]
  for (let i = 0; i < last; i++) {
    const before = i === 0 || corner[i] ? i : i - 1
    const after = i + 1 === last || corner[i + 1] ? i + 1 : i + 2
    for (let piece = 0; piece < PIECES; piece++) {
      const t = piece / PIECES
      const at = i * PIECES + piece
      outX[at] = spline(x[before]!, x[i]!, x[i + 1]!, x[after]!, t)
      outY[at] = spline(y[before]!, y[i]!, y[i + 1]!, y[after]!, t)
    }
  }
  outX[last * PIECES] = x[last]!
  outY[last * PIECES] = y[last]!
  return { x: outX, y: outY }
}

function spline(before: number, from: number, to: number, after: number, t: number): number {
  const slope = to - before
  const square = 2 * before - 5 * from + 4 * to - after
  const cube = 3 * (from - to) + after - before
  return from + 0.5 * t * (slope + t * (square + t * cube))
}

/** A line with round ends and soft edges; where lines meet, the darker counts. */
function line(ink: Float64Array, size: number, radius: number, x0: number, y0: number, x1: number, y1: number): void {
  const reach = radius + 0.5
  const [left, right] = [Math.max(0, Math.ceil(Math.min(x0, x1) - reach)), Math.min(size - 1, Math.max(x0, x1) + reach)]
  const [top, bottom] = [Math.max(0, Math.ceil(Math.min(y0, y1) - reach)), Math.min(size - 1, Math.max(y0, y1) + reach)]
  const [dx, dy] = [x1 - x0, y1 - y0]
  const perLength = 1 / Math.max(dx * dx + dy * dy, 1e-9)
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = within(((x - x0) * dx + (y - y0) * dy) * perLength, 0, 1)
      const [ex, ey] = [x - x0 - along * dx, y - y0 - along * dy]
      const squared = ex * ex + ey * ey
      if (squared >= reach * reach) continue
      const covered = Math.min(1, reach - Math.sqrt(squared))
      if (covered > ink[y * size + x]!) ink[y * size + x] = covered
    }
  }
}

/** Ink to grey: a pen of some blackness, paper of some grain, dust. */
function develop(random: Random, ink: Float64Array, image: Uint8Array): void {
  const white = random.uniform(165, 255)
  const grain = random.uniform(0, 40)
  for (let i = 0; i < ink.length; i++) {
    // Four grains from one number; more would take longer than the drawing.
    const bits = random.next()
    const bell = ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) - (bits >>> 24)) / 255 - 1
    image[i] = within(ink[i]! * white + bell * grain, 0, 255)
  }
  for (let dust = random.below(5); dust > 0; dust--) image[random.below(image.length)] = random.uniform(60, 200)
}

const within = (value: number, low: number, high: number) => (value < low ? low : value > high ? high : value)

/** From 0 to 1 with level ends. */
const smooth = (t: number) => t * t * (3 - 2 * t)
