/** @file Cases of attention against loops over all scores. */
import * as ops from '../../../lib/index.ts'
import type { AttentionOptions } from '../../../lib/index.ts'
import { packedAttention } from '../../../lib/ops/attention.ts'
import { fromTensor, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { Input, OpCase } from '../../support/op-cases.ts'
import {
  at,
  atBroadcast,
  broadcastShape,
  build,
  positionsOf,
  softmaxLine,
  transposed,
} from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

interface Wanted {
  readonly scale?: number
  /** Whether query i of T may see key j. */
  readonly sees?: (i: number, j: number, batch: readonly number[]) => boolean
  /** Added to the scores, or a bool mask. */
  readonly mask?: (mask: number) => number
  /** Factor of a weight, by its flat position. */
  readonly kept?: () => Nd
}

/** Every score on its own. */
function attention(q: Nd, k: Nd, v: Nd, mask: Nd | undefined, wanted: Wanted): Nd {
  const lead = broadcastShape(...[q, k, v].map(({ shape }) => shape.slice(0, -2)))
  const group = (x: Nd, p: readonly number[]) => {
    // Heads of q share those of k and v, in order.
    const own = x.shape[x.shape.length - 3] ?? 1
    return p.map((index, axis) => (axis === lead.length - 1 ? Math.floor((index * own) / lead[axis]) : index))
  }
  const [tq, d] = q.shape.slice(-2)
  const [tk, e] = v.shape.slice(-2)
  const scale = wanted.scale ?? 1 / Math.sqrt(d)
  const kept = wanted.kept?.()
  const weights = new Map<string, number[]>()
  for (const p of positionsOf([...lead, tq])) {
    const [batch, i] = [p.slice(0, -1), p[p.length - 1]]
    const scores = Array.from({ length: tk }, (_, j) => {
      let sum = 0
      for (let c = 0; c < d; c++) sum += atBroadcast(q, [...batch, i, c]) * atBroadcast(k, [...group(k, batch), j, c])
      const added = mask ? (wanted.mask ?? ((m) => m))(atBroadcast(mask, [...batch, i, j])) : 0
      return wanted.sees?.(i, j, batch) === false ? -Infinity : sum * scale + added
    })
    const line = scores.some((x) => x > -Infinity) ? softmaxLine(scores) : scores.map(() => 0)
    weights.set(p.join(), kept ? line.map((x, j) => x * at(kept, [...p, j])) : line)
  }
  return build([...lead, tq, e], (p) => {
    const batch = p.slice(0, -2)
    const line = weights.get(p.slice(0, -1).join())!
    return line.reduce((sum, x, j) => sum + x * atBroadcast(v, [...group(v, batch), j, p[p.length - 1]]), 0)
  })
}

const fill = range(-1, 1)

function row(
  title: string,
  shapes: readonly [q: number[], k: number[], v: number[]],
  options: AttentionOptions = {},
  wanted: Wanted = {},
  more: Partial<OpCase> & { mask?: Input } = {},
): OpCase {
  const { mask, ...rest } = more
  return {
    title: `scaledDotProductAttention: ${title}`,
    fn: (q, k, v, attnMask) => {
      ops.manualSeed(5)
      return ops.scaledDotProductAttention(q, k, v, attnMask ? { ...options, attnMask } : options)
    },
    inputs: [...shapes.map((shape) => input(shape, fill)), ...(mask ? [mask] : [])],
    reference: (q, k, v, m) => attention(q, k, v, m, wanted),
    kind: 'sums',
    isSingle: true,
    ...rest,
  }
}

const causal = (i: number, j: number) => j <= i
/** Mostly ones; the first query of each four sees nothing where a row is as long. */
const bits = (n: number) => Array.from({ length: n }, (_, i) => Number(i >= 4 && i % 3 !== 1))
const zeroes = (mask: number) => (mask ? 0 : -Infinity)

/** What dropout leaves, drawn as dropout() itself does. */
const kept = (shape: number[], p: number) => () => {
  ops.manualSeed(5)
  return fromTensor(ops.dropout(ops.ones(shape, { dtype: 'f64' }), p))
}

export const attentionCases: readonly OpCase[] = [
  row(
    'plain',
    [
      [2, 2, 3, 4],
      [2, 2, 5, 4],
      [2, 2, 5, 3],
    ],
    {},
    {},
    {
      shapes: [
        [
          [1, 1, 1, 1],
          [1, 1, 1, 1],
          [1, 1, 1, 1],
        ],
        [
          [1, 2, 0, 4],
          [1, 2, 3, 4],
          [1, 2, 3, 4],
        ],
        [
          [1, 2, 3, 4],
          [1, 2, 0, 4],
          [1, 2, 0, 2],
        ],
        [
          [1, 1, 70, 8],
          [1, 1, 300, 8],
          [1, 1, 300, 5],
        ],
      ],
    },
  ),
  row('two axes', [
    [3, 4],
    [5, 4],
    [5, 2],
  ]),
  row(
    'three axes, scale',
    [
      [2, 3, 4],
      [2, 5, 4],
      [2, 5, 4],
    ],
    { scale: 0.3 },
    { scale: 0.3 },
  ),
  row('five axes that broadcast', [
    [2, 1, 2, 3, 2],
    [1, 2, 2, 4, 2],
    [1, 1, 2, 4, 2],
  ]),
  row(
    'causal',
    [
      [1, 2, 4, 3],
      [1, 2, 4, 3],
      [1, 2, 4, 3],
    ],
    { isCausal: true },
    { sees: causal },
    {
      shapes: [
        [
          [1, 1, 200, 8],
          [1, 1, 200, 8],
          [1, 1, 200, 8],
        ],
      ],
    },
  ),
  row(
    'causal from the top left',
    [
      [1, 1, 3, 3],
      [1, 1, 5, 3],
      [1, 1, 5, 3],
    ],
    { isCausal: true },
    { sees: causal },
    {
      shapes: [
        [
          [1, 1, 150, 4],
          [1, 1, 20, 4],
          [1, 1, 20, 4],
        ],
      ],
    },
  ),
  row(
    'heads in groups',
    [
      [1, 4, 3, 2],
      [1, 2, 4, 2],
      [1, 2, 4, 2],
    ],
    { enableGqa: true },
  ),
  row('one head of keys', [
    [2, 3, 2, 2],
    [2, 1, 4, 2],
    [2, 1, 4, 2],
  ]),
  row(
    'bool mask, a query without keys',
    [
      [2, 2, 3, 2],
      [2, 2, 4, 2],
      [2, 2, 4, 3],
    ],
    {},
    { mask: zeroes },
    {
      mask: input([3, 4], bits, 'bool'),
    },
  ),
  row(
    'bool mask of keys',
    [
      [2, 2, 3, 2],
      [2, 2, 4, 2],
      [2, 2, 4, 2],
    ],
    {},
    { mask: zeroes },
    {
      mask: input([2, 1, 1, 4], (n) => bits(n + 4).slice(4), 'bool'),
    },
  ),
  row(
    'mask that is added',
    [
      [2, 2, 2, 2],
      [2, 2, 3, 2],
      [2, 2, 3, 2],
    ],
    {},
    {},
    { mask: input([2, 1, 2, 3], fill) },
  ),
  row(
    'mask and causal',
    [
      [1, 2, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 2],
    ],
    { isCausal: true },
    { sees: causal },
    {
      mask: input([2, 3, 1], fill),
    },
  ),
  row(
    'kvLength',
    [
      [2, 1, 2, 3],
      [2, 1, 5, 3],
      [2, 1, 5, 3],
    ],
    { kvLength: 3 },
    { sees: (_, j) => j < 3 },
  ),
  row(
    'kvLength and causal',
    [
      [2, 1, 2, 3],
      [2, 1, 5, 3],
      [2, 1, 5, 3],
    ],
    { kvLength: 4, isCausal: true },
    {
      sees: (i, j) => j <= i + 2,
    },
  ),
  row(
    'kvLength of each',
    [
      [2, 1, 2, 2],
      [2, 1, 4, 2],
      [2, 1, 4, 2],
    ],
    { kvLength: ops.tensor([3n, 0n]) },
    {
      sees: (_, j, [b]) => j < (b === 0 ? 3 : 0),
    },
  ),
  {
    ...row('q, k and v in one tensor', [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ]),
    fn: (x) => packedAttention(x, { isCausal: true }),
    inputs: [input([2, 3, 3, 2, 2], fill)],
    reference: (x) => {
      const [q, k, v] = [0, 1, 2].map((i) => build([2, 2, 3, 2], ([b, h, t, d]) => at(x, [b, t, i, h, d])))
      return transposed(attention(q, k, v, undefined, { sees: causal }), [0, 2, 1, 3])
    },
  },
  row(
    'dropout',
    [
      [1, 2, 3, 2],
      [1, 2, 4, 2],
      [1, 2, 4, 2],
    ],
    { dropoutP: 0.4 },
    { kept: kept([1, 2, 3, 4], 0.4) },
  ),
]
