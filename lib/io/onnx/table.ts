/** @file The operators, by domain and name, from the families' files. */
import type { OpEntry, Ops } from './node.ts'
import { activation } from './ops/activation.ts'
import { arithmetic } from './ops/arithmetic.ts'
import { attention, preview } from './ops/attention.ts'
import { casts } from './ops/cast.ts'
import { control } from './ops/control.ts'
import { conv } from './ops/conv.ts'
import { create } from './ops/create.ts'
import { detection } from './ops/detection.ts'
import { elementwise } from './ops/elementwise.ts'
import { indexing } from './ops/indexing.ts'
import { linear } from './ops/linear.ts'
import { loss } from './ops/loss.ts'
import { norm } from './ops/norm.ts'
import { pool } from './ops/pool.ts'
import { quantize } from './ops/quantize.ts'
import { recurrent } from './ops/recurrent.ts'
import { reduce } from './ops/reduce.ts'
import { resize } from './ops/resize.ts'
import { shape } from './ops/shape.ts'
import { signal } from './ops/signal.ts'
import { training } from './ops/training.ts'
import { vision } from './ops/vision.ts'

const FAMILIES: readonly Ops[] = [
  ...[activation, arithmetic, attention, casts, control, conv, create, detection, elementwise, indexing, linear],
  ...[loss, norm, pool, quantize, recurrent, reduce, resize, shape, signal, vision],
]

const tableOf = (families: readonly Ops[]): ReadonlyMap<string, OpEntry> =>
  new Map(
    families
      .flatMap((ops) => Object.entries(ops))
      .map(([name, op]) => [name, typeof op === 'function' ? { run: op } : op]),
  )

/** By domain ('' is ONNX's own), then by name. */
export const operators: ReadonlyMap<string, ReadonlyMap<string, OpEntry>> = new Map([
  ['', tableOf(FAMILIES)],
  ['ai.onnx.preview', tableOf([preview])],
  ['ai.onnx.preview.training', tableOf([training])],
])
