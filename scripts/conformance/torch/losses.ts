/** @file PyTorch's loss modules, as functions of predictions and targets. */
import { crossEntropy, mseLoss } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import type { Args } from './adapter.ts'

export const losses: Readonly<Record<string, (init: Args) => (input: Tensor, target: Tensor) => Tensor>> = {
  'torch.nn.CrossEntropyLoss':
    ({ weight, ignore_index, reduction, label_smoothing }) =>
    (input, target) =>
      crossEntropy(input, target, { weight, ignoreIndex: ignore_index, reduction, labelSmoothing: label_smoothing }),
  'torch.nn.MSELoss':
    ({ reduction }) =>
    (input, target) =>
      mseLoss(input, target, { reduction }),
}
