/** @file Losses. */
import * as tenon from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

const F = 'torch.nn.functional.'

export const calls: Calls = {
  [F + 'l1_loss']: ({ input, target, reduction }) => tenon.l1Loss(input, target, { reduction }),
  [F + 'mse_loss']: ({ input, target, reduction }) => tenon.mseLoss(input, target, { reduction }),
  [F + 'smooth_l1_loss']: ({ input, target, beta, reduction }) =>
    tenon.smoothL1Loss(input, target, { beta, reduction }),
  [F + 'huber_loss']: ({ input, target, delta, reduction }) => tenon.huberLoss(input, target, { delta, reduction }),
  [F + 'soft_margin_loss']: ({ input, target, reduction }) => tenon.softMarginLoss(input, target, { reduction }),
  [F + 'hinge_embedding_loss']: ({ input, target, margin, reduction }) =>
    tenon.hingeEmbeddingLoss(input, target, { margin, reduction }),
  [F + 'binary_cross_entropy']: ({ input, target, weight, reduction }) =>
    tenon.binaryCrossEntropy(input, target, { weight, reduction }),
  [F + 'binary_cross_entropy_with_logits']: ({ input, target, weight, pos_weight, reduction }) =>
    tenon.binaryCrossEntropyWithLogits(input, target, { weight, posWeight: pos_weight, reduction }),
  [F + 'kl_div']: ({ input, target, log_target, reduction }) =>
    tenon.klDiv(input, target, { logTarget: log_target, reduction }),
  [F + 'poisson_nll_loss']: ({ input, target, log_input, full, eps, reduction }) =>
    tenon.poissonNllLoss(input, target, { logInput: log_input, full, eps, reduction }),
  [F + 'gaussian_nll_loss']: ({ input, target, var: variance, full, eps, reduction }) =>
    tenon.gaussianNllLoss(input, target, variance, { full, eps, reduction }),
  [F + 'margin_ranking_loss']: ({ input1, input2, target, margin, reduction }) =>
    tenon.marginRankingLoss(input1, input2, target, { margin, reduction }),
  [F + 'cosine_embedding_loss']: ({ input1, input2, target, margin, reduction }) =>
    tenon.cosineEmbeddingLoss(input1, input2, target, { margin, reduction }),
  [F + 'triplet_margin_loss']: ({ anchor, positive, negative, margin, p, eps, swap, reduction }) =>
    tenon.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction }),
  [F + 'triplet_margin_with_distance_loss']: ({ anchor, positive, negative, margin, swap, reduction }) =>
    tenon.tripletMarginWithDistanceLoss(anchor, positive, negative, { margin, swap, reduction }),
  [F + 'multi_margin_loss']: ({ input, target, p, margin, weight, reduction }) =>
    tenon.multiMarginLoss(input, target, { p, margin, weight, reduction }),
  [F + 'multilabel_margin_loss']: ({ input, target, reduction }) =>
    tenon.multilabelMarginLoss(input, target, { reduction }),
  [F + 'multilabel_soft_margin_loss']: ({ input, target, weight, reduction }) =>
    tenon.multilabelSoftMarginLoss(input, target, { weight, reduction }),
  [F + 'nll_loss']: ({ input, target, weight, ignore_index, reduction }) =>
    tenon.nllLoss(input, target, { weight, ignoreIndex: ignore_index, reduction }),
  [F + 'cross_entropy']: ({ input, target, weight, ignore_index, label_smoothing, reduction }) =>
    tenon.crossEntropy(input, target, {
      weight,
      ignoreIndex: ignore_index,
      labelSmoothing: label_smoothing,
      reduction,
    }),
  [F + 'ctc_loss']: ({ log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity }) =>
    tenon.ctcLoss(log_probs, targets, input_lengths, target_lengths, { blank, reduction, zeroInfinity: zero_infinity }),
  ctc_loss_of_log_softmax: ({ input, targets, input_lengths, target_lengths, blank, reduction, zero_infinity }) =>
    tenon.ctcLoss(tenon.logSoftmax(input, -1), targets, input_lengths, target_lengths, {
      blank,
      reduction,
      zeroInfinity: zero_infinity,
    }),
}
