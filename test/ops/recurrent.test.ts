/** @file Sequence ops of recurrent layers: the table of cases; and each kernel against the composite that its row names. */
import { grad, tensor } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { gruComposite, gruSequence } from '../../lib/ops/gru-sequence.ts'
import { lstmComposite, lstmSequence } from '../../lib/ops/lstm-sequence.ts'
import { rnnComposite, rnnSequence } from '../../lib/ops/rnn-sequence.ts'
import { filled, fromTensors, randomNumbers, range, toTensor } from '../support/arrays.ts'
import { inner, weightsLike } from '../support/gradcheck.ts'
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { checkNear, tolerances } from '../support/tolerance.ts'
import { recurrentCases } from './cases/recurrent.ts'

const test = suite('recurrent')
testCases(test, recurrentCases)

type Outputs = (inputs: readonly Tensor[]) => readonly Tensor[]

/** Values and gradients of a kernel are those of the composite; sizes around the kernels' blocks, which the cases' are too small for. */
function compare(title: string, shapes: number[][], kernel: Outputs, composite: Outputs): void {
  test(title, () => {
    for (const dtype of ['f64', 'f32'] as const) {
      const random = randomNumbers(1)
      const inputs = shapes.map((shape, i) =>
        toTensor(filled(shape, range(i === 1 ? -0.2 : -1, i === 1 ? 0.2 : 1), random), dtype),
      )
      const everything = (fn: Outputs) => {
        const weights = weightsLike(fn(inputs), randomNumbers(2)).map((t) => t.cast(dtype))
        return fromTensors([...fn(inputs), ...grad((...xs) => inner(fn(xs), weights))(...inputs)])
      }
      const want = everything(composite)
      everything(kernel).forEach((got, i) => checkNear(`${dtype} ${i}`, got, want[i]!, tolerances.solves[dtype]))
    }
  })
}

const [T, B, H, P] = [3, 21, 37, 19]
const lengths = tensor(BigInt64Array.from({ length: B }, (_, b) => BigInt(b % (T + 1))))
for (const reverse of [false, true]) {
  const [way, given] = [reverse ? 'backwards, some shorter' : 'forwards', reverse ? [lengths] : []]
  const options = { reverse, lengths: given[0] ?? null }
  for (const relu of [false, true])
    compare(
      `rnnSequence: ${way}, ${relu ? 'relu' : 'tanh'}: the kernel gives what the composite gives`,
      [
        [T, B, H],
        [H, H],
        [B, H],
      ],
      ([gx, w, h]) => [rnnSequence(gx!, w!, h!, { ...options, relu })],
      (inputs) => rnnComposite([...inputs, ...given], { steps: T, reverse, relu }),
    )
  for (const projects of [false, true])
    compare(
      `lstmSequence: ${way}, ${projects ? 'projected' : 'plain'}: the kernel gives what the composite gives`,
      [[T, B, 4 * H], [4 * H, projects ? P : H], [B, projects ? P : H], [B, H], ...(projects ? [[P, H]] : [])],
      ([gx, w, h, c, project]) => {
        const { hs, cs } = lstmSequence(gx!, w!, { h: h!, c: c! }, { ...options, project: project ?? null })
        return [hs, cs]
      },
      (inputs) => lstmComposite([...inputs, ...given], { steps: T, reverse, projects }).slice(0, 2),
    )
  compare(
    `gruSequence: ${way}: the kernel gives what the composite gives`,
    [[T, B, 3 * H], [3 * H, H], [B, H], [H]],
    ([gx, w, h, b]) => [gruSequence(gx!, w!, h!, b!, options)],
    (inputs) => gruComposite([...inputs, ...given], { steps: T, reverse }).slice(0, 1),
  )
}
