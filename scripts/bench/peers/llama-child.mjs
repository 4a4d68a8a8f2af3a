/**
 * @file gpt2_124m_generate on node-llama-cpp: `llama-child.mjs PACKAGES WORKLOAD THREADS SECONDS FOLDER FILE`. A step is the prompt of 64 tokens and
 * the 32 most likely ones after it. Prints a line of JSON. Not typed by node-llama-cpp: it is no dependency.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkOf, difference } from '../compare.ts'
import { readTensors } from './read-tensors.ts'
import { timeAwaited } from './time-steps.ts'
import { readEvidence, tensorsFile } from './torch.ts'

const [packages, name, threads, seconds, folder, file] = process.argv.slice(2)
const NEW_TOKENS = 32
const require = createRequire(join(packages, 'package.json'))
const { version } = JSON.parse(readFileSync(join(packages, 'node_modules/node-llama-cpp/package.json'), 'utf8'))
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href)

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: Number(threads) })
const model = await llama.loadModel({ modelPath: file })
const context = await model.createContext({ contextSize: 128, threads: Number(threads), flashAttention: false })
const sequence = context.getSequence()
const prompt = Array.from(
  /** @type {BigInt64Array} */ (readTensors(readFileSync(tensorsFile(name, folder)))['batch.0'].data),
  Number,
)

async function step() {
  await sequence.clearHistory()
  const found = []
  const options = { temperature: 0, yieldEogToken: true }
  for await (const token of sequence.evaluate(prompt, options)) {
    found.push(token)
    if (found.length === NEW_TOKENS) break
  }
  return found
}

const tokens = await step()
const apart = difference({ losses: null, checks: [checkOf([1, tokens.length], tokens)] }, readEvidence(name, folder))
const timing = await timeAwaited(step, Number(seconds))
console.log(
  JSON.stringify({ peer: `llama.cpp ${version}`, difference: Number.isFinite(apart) ? apart : null, ...timing }),
)
process.exit()
