/** @file Cases of embedding and embeddingBag. */
import * as ops from '../../../lib/index.ts'
import type { EmbeddingBagLookupOptions } from '../../../lib/index.ts'
import { given, integers, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-1, 1)
const rows = (ids: Nd, w: Nd) =>
  build([...ids.shape, w.shape[1]], (p) => at(w, [at(ids, p.slice(0, -1)), p[p.length - 1]]))

/** The reduction of each bag of positions. */
function bags(
  lists: readonly (readonly number[])[],
  ids: Nd,
  w: Nd,
  { mode = 'mean', paddingIdx }: EmbeddingBagLookupOptions,
  factors?: Nd,
): Nd {
  return build([lists.length, w.shape[1]], ([b, d]) => {
    const kept = lists[b].filter((i) => ids.data[i] !== paddingIdx)
    if (kept.length === 0) return 0
    const values = kept.map((i) => (factors?.data[i] ?? 1) * at(w, [ids.data[i], d]))
    const sum = values.reduce((x, y) => x + y, 0)
    return mode === 'max' ? Math.max(...values) : mode === 'sum' ? sum : sum / kept.length
  })
}

const ids = [3, 0, 1, 0, 2, 4, 4, 3]
const square = [
  [0, 1, 2, 3],
  [4, 5, 6, 7],
]
const ragged = [[0, 1, 2], [], [3, 4], [5, 6, 7]]
const offsets = [0, 3, 3, 5]

const bag = (
  title: string,
  options: EmbeddingBagLookupOptions,
  layout: 'rows' | 'offsets',
  weighted = false,
): OpCase => {
  const isFlat = layout === 'offsets'
  const starts = options.includeLastOffset ? [...offsets, ids.length] : offsets
  const lists = isFlat ? ragged : square
  return {
    title: `embeddingBag: ${title}`,
    fn: (i, w, factors) =>
      ops.embeddingBag(i, w, isFlat ? ops.tensor(starts, { dtype: 'i64' }) : null, {
        ...options,
        perSampleWeights: factors,
      }),
    inputs: [
      input(isFlat ? [8] : [2, 4], given(...ids), 'i64'),
      input([5, 3], fill),
      ...(weighted ? [input(isFlat ? [8] : [2, 4], fill)] : []),
    ],
    reference: (i, w, factors) => bags(lists, i, w, options, factors),
    kind: 'sums',
  }
}

export const embeddingCases: readonly OpCase[] = [
  {
    title: 'embedding',
    fn: (i, w) => ops.embedding(i, w),
    inputs: [input([2, 3], integers(0, 5), 'i64'), input([5, 4], fill)],
    reference: rows,
    kind: 'moves',
    isSingle: true,
    shapes: [
      [[], [5, 4]],
      [[0], [5, 4]],
    ],
  },
  {
    title: 'embedding: padding',
    fn: (i, w) => ops.embedding(i, w, { paddingIdx: -5 }),
    inputs: [input([2, 3], integers(0, 5), 'i64'), input([5, 4], fill)],
    reference: rows,
    kind: 'moves',
    noGradient: 'the padding row has none: embedding.test.ts',
  },
  {
    title: 'embedding: maxNorm',
    fn: (i, w) => ops.embedding(i, w, { maxNorm: 0.8 }),
    inputs: [input([2, 3], integers(0, 5), 'i64'), input([5, 4], fill)],
    reference: (i, w) => {
      const lengths = [0, 1, 2, 3, 4].map((v) => Math.hypot(...[0, 1, 2, 3].map((d) => at(w, [v, d]))))
      return rows(
        i,
        build(w.shape, ([v, d]) => at(w, [v, d]) * (lengths[v] > 0.8 ? 0.8 / (lengths[v] + 1e-7) : 1)),
      )
    },
    kind: 'sums',
    noGradient: 'it is that of the shortened rows: embedding.test.ts',
  },
  bag('sum', { mode: 'sum' }, 'rows'),
  bag('mean', {}, 'rows'),
  bag('max', { mode: 'max' }, 'rows'),
  bag('factors', { mode: 'sum' }, 'rows', true),
  bag('padding', { paddingIdx: 4 }, 'rows'),
  bag('sum by offsets', { mode: 'sum' }, 'offsets'),
  bag('mean by offsets', {}, 'offsets'),
  bag('max by offsets', { mode: 'max' }, 'offsets'),
  bag('factors by offsets, padding', { mode: 'sum', paddingIdx: 0 }, 'offsets', true),
  bag('max by offsets, padding, last offset', { mode: 'max', paddingIdx: 4, includeLastOffset: true }, 'offsets'),
  bag('mean by offsets, padding, last offset', { paddingIdx: 2, includeLastOffset: true }, 'offsets'),
]
