/** @file Work that memory bounds: a chain of elementwise operations, and normalisations with their gradients. */
import { gelu, grad, layerNorm, nn, randn } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing } from '../workload.ts'

export const elementwiseChain = computing('elementwise_chain', {
  inputs: () => [0, 1, 2].map(() => randn([16_000_000])),
  build: () => ({
    compute: (x, w, b) => gelu(x!.mul(w!).add(b!), { approximate: 'tanh' }).mul(0.5).add(x!).tanh(),
  }),
})

export const softmaxLayerNorm = computing('softmax_layernorm', {
  inputs: () => [randn([8192, 1024]), randn([8192, 1024])],
  build: () => {
    const model = new nn.LayerNorm(1024)
    const compute = (x: Tensor, g: Tensor) => {
      let y = x
      const loss = (of: Tensor, weight: Tensor, bias: Tensor) => {
        y = layerNorm(of, [1024], { weight, bias }).softmax(-1)
        return y.mul(g).sum()
      }
      const gradients = grad(loss as (...args: Tensor[]) => Tensor)(x, model.weight!, model.bias!)
      return [y, ...gradients]
    }
    return { model, compute: (x, g) => compute(x!, g!) }
  },
})
