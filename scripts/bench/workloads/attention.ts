/** @file Scaled dot-product attention with its gradients. */
import { randn, scaledDotProductAttention, vjp } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing } from '../workload.ts'
import type { Workload } from '../workload.ts'

/** q, k, v and the output's gradient are [B, H, T, D]. */
const attending = (name: string, shape: readonly number[], isCausal: boolean): Workload =>
  computing(name, {
    inputs: () => Array.from({ length: 4 }, () => randn(shape)),
    build: () => ({
      compute: (q, k, v, dy) => {
        const attend = (...[q, k, v]: Tensor[]) => scaledDotProductAttention(q!, k!, v!, { isCausal })
        const { value, grads } = vjp(attend, [q!, k!, v!], dy!)
        return [value, ...grads]
      },
    }),
  })

export const attention512 = attending('attention_512', [4, 8, 512, 64], false)
export const attention2048Causal = attending('attention_2048_causal', [1, 8, 2048, 64], true)
