/** @file Cases of the special functions. Accuracy, far arguments and special values: native/test/special_test.cc. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { away, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { elementwise, erfc } from '../../support/reference.ts'
import { bessel, digamma, erfinv, lgamma, ndtr, ndtri, polygamma } from '../../support/reference-special.ts'

function of(
  title: string,
  fn: (...xs: Tensor[]) => Tensor,
  reference: (...xs: number[]) => number,
  fills: readonly Fill[],
  more: Partial<OpCase> = {},
): OpCase {
  const inputs = fills.map((fill, i) => input(i === 0 ? [3, 4] : [4], fill))
  return { title, fn, inputs, reference: elementwise(reference), kind: 'elementwise', isSingle: true, ...more }
}

const far = away(-2, 2, [0], 0.3)
const made = { isSingle: false }
const cancels = (factor: number) => ({ ...made, looser: { factor, because: 'a difference of near numbers' } })

export const specialCases: readonly OpCase[] = [
  of('lgamma', ops.lgamma, lgamma, [range(2.5, 6)]),
  of('lgamma: below 0', ops.lgamma, lgamma, [range(-0.8, -0.2)]),
  of('digamma', ops.digamma, digamma, [range(2, 6)]),
  of('digamma: below 0', ops.digamma, digamma, [range(-0.45, -0.25)]),
  of(
    'polygamma',
    (x) => ops.polygamma(2, x),
    (x) => polygamma(2, x),
    [range(0.5, 4)],
  ),
  of(
    'multigammaln',
    (x) => ops.multigammaln(x, 3),
    (x) => 1.5 * Math.log(Math.PI) + lgamma(x) + lgamma(x - 0.5) + lgamma(x - 1),
    [range(4, 7)],
    made,
  ),
  of('i0', ops.i0, (x) => bessel(0, x), [range(-5, 5)]),
  of('i1', ops.i1, (x) => bessel(1, x), [away(-5, 5, [0], 0.1)]),
  of('i0e', ops.i0e, (x) => Math.exp(-Math.abs(x)) * bessel(0, x), [away(-5, 5, [0], 0.1)]),
  of('i1e', ops.i1e, (x) => Math.exp(-Math.abs(x)) * bessel(1, x), [away(-5, 5, [0], 0.1)]),
  of('erfinv', ops.erfinv, erfinv, [away(-0.7, 0.7, [0], 0.1)]),
  of('ndtri', ops.ndtri, ndtri, [away(0.2, 0.8, [0.5], 0.05)]),
  of('erfcx', ops.erfcx, (x) => Math.exp(x * x) * erfc(x), [range(-1, 1.5)]),
  of('ndtr', ops.ndtr, ndtr, [range(-2, 2)], made),
  of('logNdtr', ops.logNdtr, (x) => Math.log(ndtr(x)), [range(-3, 1)]),
  of('xlogy', ops.xlogy, (x, y) => x * Math.log(y), [far, range(1.5, 3)]),
  of('xlog1py', ops.xlog1py, (x, y) => x * Math.log1p(y), [far, range(0.5, 3)]),
  of('logaddexp', ops.logaddexp, (x, y) => Math.log(Math.exp(x) + Math.exp(y)), [range(0, 3), range(0, 3)]),
  of('logaddexp2', ops.logaddexp2, (x, y) => Math.log2(2 ** x + 2 ** y), [range(0, 3), range(0, 3)], made),
  of('entr', ops.entr, (x) => -x * Math.log(x), [range(1.5, 3)], made),
  of(
    'logit',
    (x) => ops.logit(x),
    (x) => Math.log(x / (1 - x)),
    [away(0.1, 0.9, [0.5], 0.1)],
    cancels(4),
  ),
  of(
    'logit: eps',
    (x) => ops.logit(x, { eps: 0.2 }),
    (x) => Math.log(Math.min(Math.max(x, 0.2), 0.8) / (1 - Math.min(Math.max(x, 0.2), 0.8))),
    [away(-0.2, 1.2, [0.2, 0.5, 0.8], 0.1)],
    cancels(4),
  ),
  of('sinc', ops.sinc, (x) => Math.sin(Math.PI * x) / (Math.PI * x), [range(0.1, 0.8)], cancels(4)),
]
