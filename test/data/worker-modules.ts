/** @file What workers of the DataLoader load in tests: datasets and functions by name. Not a test. */
import { threadId } from 'node:worker_threads'
import { data } from 'tenon'

type Pair = [data.NdArray, data.NdArray]

/** Sample i is [i, i + 0.5] with class i; `bad` cannot be loaded, `fatal` ends its thread. */
export function makePairs({
  length,
  bad = -1,
  fatal = -1,
}: {
  length: number
  bad?: number
  fatal?: number
}): data.Dataset<Pair> {
  return {
    length,
    get: async (index) => {
      if (index === bad) throw new Error('spoilt milk')
      if (index === fatal) process.exit(7)
      return [data.ndarray(Float32Array.of(index, index + 0.5), [2]), data.label(index)]
    },
    nameOf: (index) => `carton-${index}`,
  }
}

/** A dataset whose samples say which thread made them. */
export class Threads implements data.Dataset<number> {
  readonly length: number
  constructor({ length }: { length: number }) {
    this.length = length
  }
  get(): number {
    return threadId
  }
}

/** Adds noise to the first field: chance of the loader's own. */
export const makeNoise =
  ({ scale }: { scale: number }) =>
  ([x, y]: Pair, { random }: data.SampleContext): Pair => [
    data.ndarray(
      (x.data as Float32Array).map((value) => value + scale * random.uniform()),
      x.shape,
    ),
    y,
  ]

/** Gives the sum of all first fields, not in an array of its own. */
export const makeSum = () => {
  const kept = new Float32Array(2)
  return (samples: Pair[]) => {
    kept.fill(0)
    for (const [x] of samples) x.data.forEach((value, i) => (kept[i]! += Number(value)))
    return { sum: kept, count: String(samples.length) }
  }
}

export const notAFunction = 3
