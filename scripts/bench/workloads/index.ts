/** @file All workloads, in the peer's order. */
import type { Workload } from '../workload.ts'
import { attention2048Causal, attention512 } from './attention.ts'
import { cnnInfer, cnnInferB1, cnnTrain } from './cnn.ts'
import { elementwiseChain, softmaxLayerNorm } from './elementwise.ts'
import { ncfTrain } from './recommend.ts'
import { gruTrain, lstmTrain, rnnTrain } from './recurrent.ts'
import { resnet18InferB1, resnet18Train } from './resnet.ts'
import { mlpTrain, opOverhead, tinyTrain } from './small.ts'
import { babyGptTrain, bertInfer, gpt2Generate, gpt2Train } from './transformer.ts'

export const workloads: readonly Workload[] = [
  tinyTrain,
  mlpTrain,
  cnnTrain,
  cnnInfer,
  cnnInferB1,
  rnnTrain,
  lstmTrain,
  gruTrain,
  attention512,
  attention2048Causal,
  babyGptTrain,
  gpt2Train,
  gpt2Generate,
  bertInfer,
  resnet18Train,
  resnet18InferB1,
  ncfTrain,
  elementwiseChain,
  softmaxLayerNorm,
  opOverhead,
]

/** Those named, all for an empty list; throws an Error for others. */
export function choose(names: readonly string[]): Workload[] {
  for (const name of names) {
    if (!workloads.some((workload) => workload.name === name))
      throw new Error(`no such workload: ${name}. There are ${workloads.map((workload) => workload.name).join(', ')}.`)
  }
  return workloads.filter(({ name }) => names.length === 0 || names.includes(name))
}
