/**
 * @file Writes the plans of key kernels, with inputs, to files for native/test/plan_count.cc, and says which BLAS: `plans.ts FOLDER`. A case is a line: what
 * is computed from inputs that have values, of a size that takes a million instructions or a few.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addon, codes } from '../../lib/engine/addon.ts'
import * as tn from '../../lib/index.ts'
import type { Shape, Tensor } from '../../lib/index.ts'
import { adam, sgd } from '../../lib/ops/update.ts'
import { compilePlan } from '../../lib/plan/plan.ts'
import { scalarOf, walk } from '../../lib/plan/walk.ts'

type Compute = (...inputs: Tensor[]) => Tensor

/** With a value, so that it is an input. */
function known(t: Tensor): Tensor {
  tn.evaluateSync(t)
  return t
}
const random = (shapes: readonly Shape[]): Tensor[] => shapes.map((shape) => known(tn.randn(shape)))
const ids = (below: number, ...shape: number[]): Tensor => known(tn.randint(0, below, shape))

const of =
  (fn: Compute, ...shapes: Shape[]) =>
  () => [fn(...random(shapes))]

/** The result, and its gradients by the inputs. */
const withGrads =
  (fn: Compute, ...shapes: Shape[]) =>
  () => {
    const inputs = random(shapes)
    const dy = known(tn.ones(fn(...inputs).shape))
    const { value, grads } = tn.vjp(fn, inputs, dy)
    return [value, ...(grads as Tensor[])]
  }

/** 16 steps of 4 sequences, and the gradients by what comes in. */
const recurrent = (layer: tn.nn.RNN | tn.nn.LSTM | tn.nn.GRU) => withGrads((x) => layer.forward(x!)[0], [16, 4, 32])

const parameter = (n: number) => new tn.Variable(tn.ones([n]))
const N = 1 << 16
const STEP = { lr: 0.1, weightDecay: 0, maximize: false }

/** What is computed, or what is updated. */
const cases: Record<string, () => readonly Tensor[]> = {
  chain: of((a, b, c) => a!.mul(b!).add(c!).relu().mul(0.5), [N], [N], []),
  exp: of((x) => x!.exp(), [N]),
  tanh: of((x) => x!.tanh(), [N]),
  gelu: withGrads((x) => x!.gelu(), [N / 4]),
  castBf16: of((x) => x!.cast('bf16'), [N]),
  copyTransposed: of((x) => x!.transpose(), [256, 256]),
  addRow: of((x, b) => x!.add(b!), [256, 256], [256]),
  randn: () => [tn.randn([N / 4])],
  sumOfRows: of((x) => x!.sum(1), [256, 512]),
  sumOfColumns: of((x) => x!.sum(0), [256, 512]),
  maxOfRows: of((x) => x!.max(1), [256, 512]),
  softmax: withGrads((x) => x!.softmax(-1), [64, 512]),
  crossEntropy: () => withGrads((x) => tn.crossEntropy(x!, ids(512, 64)), [64, 512])(),
  layerNorm: withGrads((x, weight, bias) => tn.layerNorm(x!, [512], { weight, bias }), [64, 512], [512], [512]),
  groupNorm: withGrads((x) => tn.groupNorm(x!, 4), [4, 16, 16, 16]),
  cumsum: of((x) => x!.cumsum(1), [64, 512]),
  sort: of((x) => tn.sort(x!).values, [32, 128]),
  rfft: of((x) => tn.fft.rfft(x!), [16, 512]),
  matmul: of((x, w, b) => x!.matmul(w!).add(b!).relu(), [64, 128], [128, 128], [128]),
  conv2d: withGrads((x, w) => tn.conv2d(x!, w!, null, { padding: 1 }), [2, 16, 16, 16], [16, 16, 3, 3]),
  conv2dDepthwise: withGrads(
    (x, w) => tn.conv2d(x!, w!, null, { padding: 1, groups: 16 }),
    [2, 16, 16, 16],
    [16, 1, 3, 3],
  ),
  maxPool2d: withGrads((x) => tn.maxPool2d(x!, 2), [2, 16, 32, 32]),
  avgPool2d: withGrads((x) => tn.avgPool2d(x!, 2), [2, 16, 32, 32]),
  attention: withGrads(
    (q, k, v) => tn.scaledDotProductAttention(q!, k!, v!, { isCausal: true }),
    ...Array.from({ length: 3 }, () => [1, 2, 128, 32]),
  ),
  rnn: recurrent(new tn.nn.RNN(32, 32)),
  lstm: recurrent(new tn.nn.LSTM(32, 32)),
  gru: recurrent(new tn.nn.GRU(32, 32)),
  embedding: () => withGrads((table) => tn.embedding(ids(1000, 128), table!), [1000, 64])(),
  gather: () => withGrads((x) => tn.gather(x!, 1, ids(256, 64, 128)), [64, 256])(),
  sgd: () => [
    sgd(parameter(N), random([[N]])[0]!, parameter(N), {
      ...STEP,
      momentum: 0.9,
      dampening: 0,
      nesterov: false,
      first: 0,
    }),
  ],
  adam: () => {
    const numbers = { beta1: 0.9, beta2: 0.99, eps: 1e-8, correction1: 0.1, correction2: 0.01, decoupled: false }
    return [adam(parameter(N), random([[N]])[0]!, [parameter(N), parameter(N)], { ...STEP, ...numbers })]
  },
}

const folder = process.argv[2]!
for (const [name, build] of Object.entries(cases)) {
  tn.manualSeed(1)
  writeFileSync(join(folder, `${name}.plan`), fileOf(build()))
}
console.log(addon().stats().blas)

/** As native/test/plan_count.cc reads it. */
function fileOf(tensors: readonly Tensor[]): Uint8Array {
  const updates = tensors.filter(({ row }) => row.kind === 'update')
  const found = walk({ results: tensors.filter((t) => !updates.includes(t)), updates })
  const { words, constants } = compilePlan(found, codes()).encoded
  const inputs = found.inputs.map((t) => t.value!.buffer)
  const head = [words.length, constants.byteLength, inputs.length, found.operands.length]
  const numbers = [...head, ...words, ...found.operands.map(scalarOf), ...inputs.map(({ byteLength }) => byteLength)]
  const parts = [Float64Array.from(numbers).buffer, constants, ...inputs]
  const filled = parts.map((part) => Buffer.concat([new Uint8Array(part)], Math.ceil(part.byteLength / 8) * 8))
  return Buffer.concat(filled)
}
