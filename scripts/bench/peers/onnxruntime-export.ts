/** @file Writes the model of a workload, with PyTorch's numbers, as an ONNX file: `onnxruntime-export.ts WORKLOAD FOLDER FILE`. */
import { onnx } from '../../../lib/index.ts'
import { loadDump } from '../dump.ts'
import { choose } from '../workloads/index.ts'

const [name, folder, file] = process.argv.slice(2) as [string, string, string]
const workload = choose([name])[0]!
const { model } = workload.build()
const inputs = await loadDump(workload, model, folder)
await onnx.export(model!, inputs, file, { inputNames: inputs.map((_, i) => `batch.${i}`), outputNames: ['output'] })
console.log(JSON.stringify({ file }))
