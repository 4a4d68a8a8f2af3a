/** @file The public names of tenon, and the methods of Tensor and Variable, which come from the op table. */
import { backward, detach } from './graph/gradient.ts'
import { Tensor } from './graph/tensor.ts'
import { Variable } from './graph/variable.ts'
import { fromPretrained } from './models/from-pretrained.ts'
import { bert, gpt2 } from './text/index.ts'
import { data, dataSync, item, itemSync, summary, toArray } from './engine/evaluate.ts'
import { profile } from './engine/profile.ts'
import type { Profile, ProfileOptions } from './engine/profile.ts'
import { Plan } from './plan/plan.ts'
import { installMethods } from './ops/methods.ts'
import type { OpMethods } from './ops/methods.ts'
import type { DataOptions } from './engine/evaluate.ts'
import type { TypedArray } from './dtype.ts'

/** What evaluates, and what differentiates. */
interface EvaluationMethods {
  /** The numbers, row-major, in an array of their own. i64 and u64 give BigInt arrays, bool Uint8Array, f16 and bf16 Float32Array. */
  data(options?: DataOptions): Promise<TypedArray>
  /** `data`, blocking. */
  dataSync(options?: DataOptions): TypedArray
  /** The number of a tensor of one element; throws VALUE for i64 beyond 2^53. */
  item(): Promise<number>
  /** `item`, blocking. */
  itemSync(): number
  /** Nested lists of the numbers. */
  toArray(): Promise<unknown>
}

declare module './graph/tensor.ts' {
  interface Tensor extends OpMethods, EvaluationMethods {
    /** Adds the gradient of this scalar by every trainable variable to `variable.grad`. Numbers come with `optimizer.step()`. */
    backward(cotangent?: Tensor): void
    /** The same values, through which no gradient flows. */
    detach(): Tensor
  }
}

declare module './graph/variable.ts' {
  interface Variable extends OpMethods, EvaluationMethods {}
}

declare module './plan/plan.ts' {
  interface Plan {
    /** Operations and memory, before it runs. */
    summary(): Summary
    /** Times every instruction, on stand-ins or while `work` runs the plan. */
    profile(options?: ProfileOptions): Promise<Profile>
  }
}

const evaluation = { data, dataSync, item, itemSync, toArray }
installMethods(Tensor.prototype, { ...evaluation, backward, detach }, (t: Tensor) => t)
installMethods(Variable.prototype, evaluation, (v: Variable) => v.read())
Object.assign(Plan.prototype, {
  summary(this: Plan) {
    return summary(this)
  },
  profile(this: Plan, options?: ProfileOptions) {
    return profile(this, options)
  },
})

/** Models that are known by name. */
export const models = { bert, fromPretrained, gpt2 }
export { PretrainedModel } from './io/pretrained.ts'
export type { SavedBeside, SaveModelOptions } from './io/pretrained.ts'
export type { FromPretrainedOptions } from './models/from-pretrained.ts'

export { TenonError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
export { dtypes } from './dtype.ts'
export type { DType, TypedArray } from './dtype.ts'
export type { Shape } from './shape.ts'
export { manualSeed } from './random.ts'
export {
  checkpoint,
  customGrad,
  detach,
  detach as stopGradient,
  grad,
  requireGrad,
  valueAndGrad,
} from './graph/gradient.ts'
export { hessian, hvp, jacobian, jvp, vjp } from './autograd/transforms.ts'
export type { TensorFunction } from './autograd/transforms.ts'
export { gradcheck, gradgradcheck } from './autograd/gradcheck.ts'
export type { GradcheckOptions } from './autograd/gradcheck.ts'
export { noGrad } from './graph/state.ts'
export { Tensor } from './graph/tensor.ts'
export { Variable } from './graph/variable.ts'
export type { VariableOptions } from './graph/variable.ts'
export { autocast } from './ops/autocast.ts'
export type { AutocastDType } from './ops/autocast.ts'
export * from './ops/index.ts'
export * as fft from './ops/fft-names.ts'
export * as linalg from './ops/linalg-names.ts'
export { evaluate, evaluateSync, plan, summary } from './engine/evaluate.ts'
export type { DataOptions, EvaluateOptions } from './engine/evaluate.ts'
export type { InstrProfile, Profile, ProfileOptions, TraceEvent } from './engine/profile.ts'
export type { Plan, Summary } from './plan/plan.ts'
export { detectAnomaly } from './engine/anomaly.ts'
export { compile } from './engine/compile.ts'
export type { Compiled } from './engine/compile.ts'
export * as nn from './nn/index.ts'
export * as optim from './optim/index.ts'
export { trainStep } from './optim/train-step.ts'
export type { StepResults, TrainStep, TrainStepOptions } from './optim/train-step.ts'
export * as audio from './audio/index.ts'
export * as data from './data/index.ts'
export * as text from './text/index.ts'
export * as vision from './vision/index.ts'
export * as onnx from './io/onnx/index.ts'
export {
  inspectSafetensors,
  loadSafetensors,
  openSafetensors,
  parseSafetensors,
  saveSafetensors,
} from './io/safetensors.ts'
export type { SaveOptions, Tensors } from './io/safetensors.ts'
export { openSharded, saveWeights } from './io/sharded.ts'
export type { SaveWeightsOptions } from './io/sharded.ts'
export { loadTensors, openTensors, saveTensors } from './io/open-tensors.ts'
export type { OpenOptions } from './io/source.ts'
export type { TensorFile, TensorInfo } from './io/tensor-file.ts'
export { loadTorch, openTorch } from './io/torch.ts'
export type { OpenTorchOptions } from './io/torch.ts'
export { loadGguf, openGguf } from './io/gguf.ts'
export { saveGguf } from './io/gguf-write.ts'
export type { GgufValue, SaveGgufOptions } from './io/gguf-write.ts'
export { loadNpz, openNpz, saveNpy, saveNpz } from './io/npz.ts'
export { modelSummary } from './nn/summary.ts'
export { quantize } from './nn/quantize.ts'
export type { QuantizeOptions } from './nn/quantize.ts'
export type { LayerSummary, ModelSummary } from './nn/summary.ts'
export { CsvLogger, JsonLinesLogger } from './train/logs.ts'
export type { LogFileOptions, Logger, Picture } from './train/logs.ts'
export { TensorBoardLogger } from './train/tensorboard.ts'
export { writeReport } from './train/report.ts'
export type { ReportInput, Reproduce } from './train/report.ts'
export type { Confusion, Mistake } from './train/report-results.ts'
export { Trainer } from './train/trainer.ts'
export type { EvaluateDataOptions, FitOptions, TrainData, TrainerOptions } from './train/trainer.ts'
export type { EpochRecord, History, StepRecord } from './train/history.ts'
export { GraphMetric, MeanMetric } from './train/metric.ts'
export type { Metric, MetricFunction, Metrics } from './train/metric.ts'
export {
  accuracy,
  auc,
  confusionMatrix,
  f1,
  mae,
  mse,
  perplexity,
  precision,
  recall,
  rmse,
  topK,
} from './train/metrics.ts'
export type { AverageOptions, ConfusionMatrix, LabelOptions } from './train/metrics.ts'
export { EarlyStopping } from './train/callbacks.ts'
export type { Callback, CallbackState, EarlyStoppingOptions } from './train/callbacks.ts'
export { bestCheckpoint, latestCheckpoint, listCheckpoints } from './train/checkpoint-folder.ts'
export type { CheckpointOptions } from './train/checkpoint-folder.ts'
export type { LearningRateOptions, LearningRates } from './train/lr-finder.ts'
export type { ReportOptions } from './train/results.ts'
