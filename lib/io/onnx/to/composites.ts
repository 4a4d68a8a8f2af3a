/** @file Rows without an ONNX operator of their own that are exported as what they equal. */
import type { Tensor } from '../../../graph/tensor.ts'
import { attentionComposite, swapHeads } from '../../../ops/attention-composite.ts'
import type { AttentionAttrs } from '../../../ops/attention-composite.ts'
import { gruComposite } from '../../../ops/gru-sequence.ts'
import { layerNormComposite } from '../../../ops/layer-norm.ts'
import { lstmComposite } from '../../../ops/lstm-sequence.ts'
import { rnnComposite } from '../../../ops/rnn-sequence.ts'
import type { Users } from '../export-trace.ts'
import { isOperator } from './recurrent.ts'

type Composite = (node: Tensor) => readonly Tensor[]

const attention: Composite = (node) => {
  const attrs = node.attrs as AttentionAttrs
  const y = attentionComposite(node.inputs, attrs)
  return [attrs.timeFirst ? swapHeads(y) : y]
}

const sequence =
  <A>(composite: (inputs: readonly Tensor[], attrs: A) => readonly Tensor[]): Composite =>
  (node) =>
    composite(node.inputs, node.attrs as A)

/** What differs from its first input in gradients only. */
const first: Composite = ({ inputs }) => [inputs[0]!]

/** By the name of the row; of its outputs in order. */
export const composites: Readonly<Record<string, Composite>> = {
  attention,
  ...{ identity: first, checkpoint: first, customGrad: first },
  // With the rows of the composite, ONNX's own operator is found.
  layerNorm: sequence(layerNormComposite),
  gruSequence: sequence(gruComposite),
  lstmSequence: sequence(lstmComposite),
  rnnSequence: sequence(rnnComposite),
}

/** What makes the tensors that stand for a node's outputs; null where the node stays. */
export function compositeOf(node: Tensor, users: Users): (() => readonly Tensor[]) | null {
  const composite = Object.hasOwn(composites, node.row.name) ? composites[node.row.name]! : null
  return composite && !isOperator(node, users) ? () => composite(node) : null
}
