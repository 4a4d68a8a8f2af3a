/** @file PyTorch's loss modules, as functions of predictions and targets. */
import { nn } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import type { Args } from './adapter.ts'

type Loss = (input: Tensor, target: Tensor) => Tensor
interface Made {
  forward(input: Tensor, target: Tensor): Tensor
}

const loss =
  (make: (init: Args) => Made) =>
  (init: Args): Loss => {
    const made = make(init)
    return (input, target) => made.forward(input, target)
  }

export const losses: Readonly<Record<string, (init: Args) => Loss>> = {
  'torch.nn.CrossEntropyLoss': loss(
    ({ weight, ignore_index, reduction, label_smoothing }) =>
      new nn.CrossEntropyLoss({ weight, ignoreIndex: ignore_index, reduction, labelSmoothing: label_smoothing }),
  ),
  'torch.nn.NLLLoss': loss(
    ({ weight, ignore_index, reduction }) => new nn.NLLLoss({ weight, ignoreIndex: ignore_index, reduction }),
  ),
  'torch.nn.MSELoss': loss(({ reduction }) => new nn.MSELoss({ reduction })),
  'torch.nn.L1Loss': loss(({ reduction }) => new nn.L1Loss({ reduction })),
  'torch.nn.SmoothL1Loss': loss(({ reduction, beta }) => new nn.SmoothL1Loss({ reduction, beta })),
  'torch.nn.HuberLoss': loss(({ reduction, delta }) => new nn.HuberLoss({ reduction, delta })),
  'torch.nn.BCELoss': loss(({ weight, reduction }) => new nn.BCELoss({ weight, reduction })),
  'torch.nn.BCEWithLogitsLoss': loss(
    ({ weight, reduction, pos_weight }) => new nn.BCEWithLogitsLoss({ weight, reduction, posWeight: pos_weight }),
  ),
  'torch.nn.KLDivLoss': loss(({ reduction, log_target }) => new nn.KLDivLoss({ reduction, logTarget: log_target })),
  'torch.nn.PoissonNLLLoss': loss(
    ({ log_input, full, eps, reduction }) => new nn.PoissonNLLLoss({ logInput: log_input, full, eps, reduction }),
  ),
  'torch.nn.SoftMarginLoss': loss(({ reduction }) => new nn.SoftMarginLoss({ reduction })),
  'torch.nn.MultiMarginLoss': loss(
    ({ p, margin, weight, reduction }) => new nn.MultiMarginLoss({ p, margin, weight, reduction }),
  ),
  'torch.nn.MultiLabelMarginLoss': loss(({ reduction }) => new nn.MultiLabelMarginLoss({ reduction })),
  'torch.nn.MultiLabelSoftMarginLoss': loss(
    ({ weight, reduction }) => new nn.MultiLabelSoftMarginLoss({ weight, reduction }),
  ),
  'torch.nn.HingeEmbeddingLoss': loss(({ margin, reduction }) => new nn.HingeEmbeddingLoss({ margin, reduction })),
}
