/** @file Every row's way to ONNX, or the reason why it has none. */
import { composites } from './composites.ts'
import { control } from './control.ts'
import { conv } from './conv.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { layout } from './layout.ts'
import { linear } from './linear.ts'
import { recurrent } from './recurrent.ts'
import { reductions } from './reduce.ts'
import { signal } from './signal.ts'
import type { Mappings } from './to.ts'

export const mappings: Mappings = {
  ...elementwise,
  ...layout,
  ...reductions,
  ...linear,
  ...conv,
  ...indexing,
  ...recurrent,
  ...control,
  ...signal,
}

const GRADIENT = 'is part of a gradient: export the forward pass alone'
const WRITES = 'writes a variable, which ONNX has no form for'
const RANDOM = 'draws random numbers, which no other runtime draws alike'
const SPECIAL = 'is a function that ONNX does not have'
const LINALG = 'is a decomposition that ONNX does not have'

const because = (reason: string, names: readonly string[]): [string, string][] => names.map((name) => [name, reason])

/** Why a row cannot be exported. */
export const reasons: Readonly<Record<string, string>> = Object.fromEntries([
  ...because(GRADIENT, [
    'softmaxGrad',
    'logSoftmaxGrad',
    'standardizeGrad',
    'layerNormGrad',
    'attentionGrad',
    'conv2dWeight',
  ]),
  ...because(GRADIENT, ['avgPool2dGrad', 'gruSequenceGrad', 'lstmSequenceGrad', 'rnnSequenceGrad', 'ctcLossGrad']),
  ...because(WRITES, ['assign', 'assignSlice', 'assignRows', 'checkRange', 'sgd', 'adam']),
  ...because(RANDOM, ['randomUniform', 'randomNormal']),
  ...because(SPECIAL, ['lgamma', 'digamma', 'polygamma', 'i0', 'i1', 'i0e', 'i1e', 'erfinv', 'erfcx', 'ndtri']),
  ...because(SPECIAL, ['logNdtr', 'signbit', 'copysign', 'nextafter', 'gcd']),
  ...because(LINALG, ['solve', 'cholesky', 'eigh', 'svd', 'qr', 'luFactor', 'solveTriangular', 'matrixExp']),
  ...because('walks along an axis, which no ONNX operator does so', ['cumprod', 'linearRecurrence', 'logcumsumexp']),
  ...because('walks along an axis, which no ONNX operator does so', ['cummax', 'cummin']),
  ...because('is a loss that ONNX does not have', ['ctcLoss']),
  ...because('works on blocks of weights: dequantize them when loading', [
    'dequantize',
    'matmulBlocks',
    'quantizeBlocks',
  ]),
])

/** Rows that are exported as what they equal. */
export const isComposite = (row: string): boolean => Object.hasOwn(composites, row)
