/** @file Work that memory bounds: a chain of elementwise operations, and normalisations with their gradients. */
import { gelu, layerNorm, nn, randn, vjp } from '../../../lib/index.ts'
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
    const forward = (...[x, weight, bias]: Tensor[]) => layerNorm(x!, [1024], { weight, bias }).softmax(-1)
    const compute = (x: Tensor, dy: Tensor) => {
      const { value, grads } = vjp(forward, [x, model.weight!, model.bias!], dy)
      return [value, ...grads]
    }
    return { model, compute: (x, dy) => compute(x!, dy!) }
  },
})
