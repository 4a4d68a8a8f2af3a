/** @file Layer normalisation: one kernel forward, and one backward that gives all three gradients. */
import { isFloat, isNarrow } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { requireGrad, vjp } from '../graph/gradient.ts'
import type { Row } from '../graph/row.ts'
import { recorded } from '../graph/state.ts'
import { applyTuple, Tensor } from '../graph/tensor.ts'
import { sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, mul } from './elementwise.ts'
import { reshape } from './layout.ts'
import { standardized } from './normalize.ts'
import { sum, window } from './reduction.ts'
import { asTensor, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface LayerNormAttrs {
  readonly eps: number
}

const rowsOf = (shape: Shape): [number, number] => {
  const n = shape[shape.length - 1]!
  return [sizeOf(shape) / n, n]
}

/** Of x [..., n], weight [n] and perhaps a bias [n], n >= 1; mean and 1 / sqrt(var + eps), in f64, are for the gradient. */
const layerNormRow: Row<LayerNormAttrs> = defineRow<LayerNormAttrs>({
  name: 'layerNorm',
  kind: 'kernel',
  autocast: 'wide',
  infer: ([x]) => {
    const lines = { shape: [...x!.shape.slice(0, -1), 1], dtype: 'f64' } as const
    return [{ shape: x!.shape, dtype: x!.dtype }, lines, lines]
  },
  vjp: ({ dy, inputs: [x, w, b], outputs: [, mean, rstd], attrs }) => {
    const grads = applyTuple(layerNormGradRow, [x!, w!, mean!, rstd!, dy], attrs)
    return b ? grads : grads.slice(0, 2)
  },
  emit: (e, { attrs, inputs }) => {
    const [rows, n] = rowsOf(inputs[0]!.shape)
    const lines = inputs.slice(1).map((_, i) => e.packed(e.input(1 + i)))
    e.instr(
      'layerNorm',
      [window(e.output(0), [rows, n]), window(e.output(1), [rows]), window(e.output(2), [rows])],
      [window(e.packed(e.input(0)), [rows, n]), ...lines],
      [attrs.eps],
    )
  },
})

/** How many sums over the rows may run at once: as `native/ops/layer_norm.cc` wants at most. */
const MOST_PARTS = 16

/** dx, dweight and dbias of x, weight, mean, rstd and dy. By x, weight and dy it is differentiated as the composite is. */
const layerNormGradRow: Row<LayerNormAttrs> = defineRow<LayerNormAttrs>({
  name: 'layerNormGrad',
  kind: 'kernel',
  infer: ([x, w]) => [x!, w!, w!].map(({ shape, dtype }) => ({ shape, dtype })),
  vjp: ({ inputs, cotangents, attrs }) => recorded(() => secondGradients(inputs, cotangents, attrs)),
  emit: (e, { inputs }) => {
    const [rows, n] = rowsOf(inputs[0]!.shape)
    const sums = e.temp('f64', [Math.max(1, Math.min(rows, MOST_PARTS)), 2 * n])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    e.instr(
      'layerNormGrad',
      [window(e.output(0), [rows, n]), e.output(1), e.output(2), sums],
      [
        window(ins[0]!, [rows, n]),
        ins[1]!,
        window(ins[2]!, [rows]),
        window(ins[3]!, [rows]),
        window(ins[4]!, [rows, n]),
      ],
    )
  },
})

/** What the gradient row gives, as a graph of plain rows, and its gradients. */
function secondGradients(
  inputs: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
  { eps }: LayerNormAttrs,
): (Tensor | null)[] {
  const wanted = [inputs[0]!, inputs[1]!, inputs[4]!].map(requireGrad)
  const [x, w, dy] = wanted as [Tensor, Tensor, Tensor]
  const [dx, dw] = vjp(layerNormComposite([x, w], { eps }), [dy], [x, w])
  const db = sum(
    dy,
    Array.from({ length: x.rank - 1 }, (_, i) => i),
  )
  const used = [dx!, dw!, db].flatMap((grad, i) => (cotangents[i] ? [{ grad, by: cotangents[i] }] : []))
  const [byX, byW, byDy] = vjp(
    used.map(({ grad }) => grad),
    used.map(({ by }) => by),
    wanted,
  )
  // mean and rstd are functions of x: what flows through them is in the gradient by x.
  return [byX!, byW!, null, null, byDy!]
}

export interface LayerNormOptions {
  weight?: TensorLike | null
  bias?: TensorLike | null
  /** Default: 1e-5. */
  eps?: number
}

/** (x - mean) / sqrt(var + eps) over the last axes, those of `shape`, then weight and bias (Ba et al. 2016). */
export function layerNorm(x: TensorLike, shape: Shape, options: LayerNormOptions = {}): Tensor {
  checkOptions('layerNorm', options, ['weight', 'bias', 'eps'])
  const t = asTensor('layerNorm', x)
  if (!isFloat(t.dtype)) fail('DTYPE', 'layerNorm', `needs floats, got ${t.dtype}.`)
  const lead = t.rank - shape.length
  if (shape.length === 0 || lead < 0 || !sameShape(t.shape.slice(lead), shape)) {
    fail('SHAPE', 'layerNorm', `the last axes of x must be ${showShape(shape)}, got ${showShape(t.shape)}.`)
  }
  for (const [name, v] of Object.entries({ weight: options.weight, bias: options.bias })) {
    if (v && !sameShape(v.shape, shape))
      fail('SHAPE', 'layerNorm', `${name} must be ${showShape(shape)}, got ${showShape(v.shape)}.`)
  }
  const n = sizeOf(shape)
  const flat = reshape(t, [...t.shape.slice(0, lead), n])
  const eps = options.eps ?? 1e-5
  const scale = options.weight && asTensor('layerNorm', options.weight)
  const shift = options.bias && asTensor('layerNorm', options.bias)
  const isPlain = [scale, shift ?? scale].every((v) => v && v.dtype === t.dtype) && !isNarrow(t.dtype)
  if (scale && isPlain && n > 0) {
    const inputs = [flat, ...[scale, ...(shift ? [shift] : [])].map((v) => reshape(v, [n]))]
    return reshape(applyTuple(layerNormRow, inputs, { eps })[0]!, t.shape)
  }
  const y = reshape(standardized(flat, eps), t.shape)
  return weighted(y, scale, shift)
}

function weighted(y: Tensor, scale?: Tensor | null, shift?: Tensor | null): Tensor {
  const scaled = scale ? mul(y, scale) : y
  return shift ? add(scaled, shift) : scaled
}

/** @internal The row as a graph of plain ones; its mean and deviation are left out. */
export function layerNormComposite([x, w, b]: readonly Tensor[], { eps }: LayerNormAttrs): readonly Tensor[] {
  return [weighted(standardized(x!, eps), w, b)]
}
