/** @file Exported models in another runtime, and read back: both must give what the module gives. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import * as assert from 'uvu/assert'
import { noGrad, onnx, tensor } from '../../lib/index.ts'
import type { DType, nn, Tensor } from '../../lib/index.ts'
import { tensorsIn } from '../../lib/io/onnx/export-trace.ts'
import { fromTensors } from './arrays.ts'

const TYPES = {
  ...{ f32: 'float32', f64: 'float64', i64: 'int64', i32: 'int32', i16: 'int16', i8: 'int8', u64: 'uint64' },
  ...{ u32: 'uint32', u16: 'uint16', u8: 'uint8', bool: 'bool' },
} as const
type Type = (typeof TYPES)[keyof typeof TYPES]

export interface ExportCase {
  readonly module: nn.Module
  readonly args: readonly unknown[]
  readonly options?: onnx.ExportOptions
  /** Arguments of other sizes for the same file. */
  readonly others?: readonly (readonly unknown[])[]
  /** Of the largest number. Default: 1e-4. */
  readonly near?: number
}

export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-onnx-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Exports, runs the file elsewhere and here, at the example's sizes and at others. Gives the operators that it has. */
export async function checkExport({ module, args, options, others = [], near = 1e-4 }: ExportCase): Promise<string[]> {
  return inFolder(async (folder) => {
    const path = join(folder, 'model.onnx')
    await onnx.export(module, args, path, options)
    const session = await InferenceSession.create(path, { logSeverityLevel: 3 })
    const again = await onnx.load(path)
    module.eval()
    for (const given of [args, ...others]) {
      const inputs = tensorsIn(given).map((input) => input.tensor)
      const { forward } = module as unknown as { forward: (...args: unknown[]) => unknown }
      const want = tensorsIn(noGrad(() => forward.apply(module, given as unknown[]))).map((output) => output.tensor)
      checkNear('onnxruntime', await runSession(session, inputs), want, near)
      checkNear('tenon', Object.values(await again.run(inputs)), want, near)
    }
    return again.source.program.graph.node.map(({ opType }) => opType)
  })
}

/** The outputs of a session, in order, for inputs in order. */
export async function runSession(session: InferenceSession, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const feeds: Record<string, OrtTensor> = {}
  for (const [i, t] of inputs.entries()) {
    const name = session.inputNames[i]
    feeds[name] = new OrtTensor(
      TYPES[t.dtype as keyof typeof TYPES] as 'float32',
      (await t.data()) as Float32Array,
      t.shape,
    )
  }
  const results = await session.run(feeds)
  return session.outputNames.map((name) => {
    const { type, dims, data } = results[name]
    const dtype = Object.keys(TYPES).find((key) => TYPES[key as keyof typeof TYPES] === (type as Type)) as DType
    const numbers = dtype === 'bool' ? Uint8Array.from(data as Uint8Array) : (data as Float32Array)
    return tensor(numbers, { shape: dims, dtype })
  })
}

function checkNear(who: string, got: readonly Tensor[], want: readonly Tensor[], near: number): void {
  assert.is(got.length, want.length, `${who}: number of outputs`)
  const [ours, theirs] = [fromTensors(want), fromTensors(got)]
  ours.forEach((x, i) => {
    const y = theirs[i]
    assert.equal(y.shape, x.shape, `${who}: shape of output ${i}`)
    assert.is(got[i].dtype, want[i].dtype, `${who}: dtype of output ${i}`)
    const finite = x.data.filter(Number.isFinite).map(Math.abs)
    const scale = Math.max(1, ...finite)
    x.data.forEach((a, k) => {
      const b = y.data[k]
      const isNear =
        Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= near * scale
      assert.ok(isNear, `${who}: output ${i} is ${b} at ${k}, not ${a}`)
    })
  })
}
