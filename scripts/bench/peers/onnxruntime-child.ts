/**
 * @file One workload on onnxruntime-node: `onnxruntime-child.ts WORKLOAD THREADS SECONDS FOLDER FILE`. Prints a line of JSON. Inputs are
 * handed in anew at each step, outputs come back as arrays, as on the other sides.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { checkOf, difference } from '../compare.ts'
import { readTensors } from './read-tensors.ts'
import { timeAwaited } from './time-steps.ts'
import { readEvidence, tensorsFile } from './torch.ts'

const [name, threads, seconds, folder, file] = process.argv.slice(2) as [string, string, string, string, string]
const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
env.logLevel = 'error'
const session = await InferenceSession.create(file, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
})
const given = readTensors(readFileSync(tensorsFile(name, folder)))
const feeds = Object.fromEntries(
  session.inputNames.map((input) => {
    const { data, shape } = given[input]!
    return [input, data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape)]
  }),
)
const step = () => session.run(feeds)
const { output } = await step()
const checks = [checkOf(output!.dims, output!.data as Float32Array)]
const apart = difference({ losses: null, checks }, readEvidence(name, folder))
const timing = await timeAwaited(step, Number(seconds))
console.log(
  JSON.stringify({ peer: `onnxruntime ${version}`, difference: Number.isFinite(apart) ? apart : null, ...timing }),
)
