/** @file ONNX's losses. */
import type { Tensor } from '../../../graph/tensor.ts'
import { nllLoss } from '../../../ops/loss.ts'
import { logSoftmax } from '../../../ops/normalize.ts'
import { reshape } from '../../../ops/layout.ts'
import { cast } from '../../../ops/table.ts'
import { sizeOf } from '../../../shape.ts'
import type { Node, OpResult, Ops } from '../node.ts'

/** No label: where the node skips none. */
const NONE = -(2 ** 31)

function negativeLogLikelihood(node: Node, logp: Tensor): Tensor {
  const labels = cast(node.input(1), 'i64')
  const reduction = node.text('reduction', 'mean')
  if (reduction !== 'none' && reduction !== 'mean' && reduction !== 'sum')
    return node.refuse(`has reduction = ${reduction}.`)
  const ignoreIndex = node.int('ignore_index', NONE)
  const [b, c, ...rest] = logp.shape as [number, number, ...number[]]
  if (logp.rank < 2) return node.refuse(`needs [B, C, ...], got [${logp.shape.join()}].`)
  // All positions as one axis.
  const flat = rest.length > 0 ? reshape(logp, [b, c, sizeOf(rest)]) : logp
  const targets = rest.length > 0 ? reshape(labels, [b, sizeOf(rest)]) : labels
  const loss = nllLoss(flat, targets, { weight: node.optional(2), ignoreIndex, reduction })
  return reduction === 'none' ? reshape(loss, labels.shape) : loss
}

function softmaxCrossEntropy(node: Node): OpResult {
  const logp = logSoftmax(node.input(0), 1)
  return [negativeLogLikelihood(node, logp), logp]
}

export const loss: Ops = {
  NegativeLogLikelihoodLoss: (node) => negativeLogLikelihood(node, node.input(0)),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
}
