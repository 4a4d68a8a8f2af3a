/**
 * @file One workload on TensorFlow.js, from PyTorch's numbers: `tfjs-child.mjs PACKAGES WORKLOAD THREADS SECONDS FOLDER`. Prints a line of
 * JSON. Not typed by TensorFlow.js: it is no dependency.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { checkOf, difference } from '../compare.ts'
import { readTensors } from './read-tensors.ts'
import { readEvidence, tensorsFile } from './torch.ts'
import { timeSteps } from './time-steps.ts'

const [packages, name, threads, seconds, folder] = process.argv.slice(2)
const require = createRequire(join(packages, 'package.json'))
const [tf, wasm] = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'].map((part) => require(part))

/** By name, in PyTorch's layout. */
const given = readTensors(readFileSync(tensorsFile(name, folder)))
/** @param {string} key @param {string} [dtype] */
const tensor = (key, dtype = 'float32') => {
  const { data, shape } = /** @type {import('./read-tensors.ts').GivenTensor} */ (given[key])
  return tf.tensor(dtype === 'int32' ? Int32Array.from(data, Number) : data, shape, dtype)
}

const linear = (/** @type {string} */ layer) => {
  // Its own layers keep a weight this way around; the other is ten times slower.
  const w = tf.variable(tf.transpose(tensor(`${layer}.weight`)))
  const b = tf.variable(tensor(`${layer}.bias`))
  return { variables: [w, b], call: (/** @type {unknown} */ x) => tf.add(tf.matMul(x, w), b) }
}

/** @param {unknown[]} variables @param {() => unknown} loss */
function training(variables, loss) {
  const optimizer = tf.train.sgd(0.01)
  return () => {
    const value = optimizer.minimize(loss, true, variables)
    const [number] = value.dataSync()
    value.dispose()
    return number
  }
}

/** Results of the workloads without a loss are read, as the others' losses are. @param {() => unknown} compute */
const computing = (compute) => () => {
  const y = tf.tidy(compute)
  const values = y.dataSync()
  const { shape } = y
  y.dispose()
  return { shape, values }
}

function cnn() {
  // Channels last, as TensorFlow has them.
  const kernel = (/** @type {string} */ key) => tf.keep(tf.transpose(tensor(key), [2, 3, 1, 0]))
  const [k1, k2] = [kernel('conv1.weight'), kernel('conv2.weight')]
  const [b1, b2, x] = [tensor('conv1.bias'), tensor('conv2.bias'), tensor('batch.0')]
  const images = tf.keep(tf.transpose(x, [0, 2, 3, 1]))
  const [fc1, fc2] = [linear('fc1'), linear('fc2')]
  const layer = (/** @type {unknown} */ from, /** @type {unknown} */ k, /** @type {unknown} */ b) =>
    tf.maxPool(tf.relu(tf.add(tf.conv2d(from, k, 1, 'same'), b)), 2, 2, 'valid')
  return computing(() => {
    const features = tf.transpose(layer(layer(images, k1, b1), k2, b2), [0, 3, 1, 2])
    return fc2.call(tf.relu(fc1.call(tf.reshape(features, [x.shape[0], -1]))))
  })
}

/** @type {Record<string, () => () => any>} */
const steps = {
  tiny_train: () => {
    const [a, b, x, y] = [linear('0'), linear('2'), tensor('batch.0'), tensor('batch.1')]
    const loss = () => tf.mean(tf.squaredDifference(b.call(tf.tanh(a.call(x))), y))
    return training([...a.variables, ...b.variables], loss)
  },
  mlp_train: () => {
    const [a, b, c, x] = [linear('0'), linear('2'), linear('4'), tensor('batch.0')]
    const labels = tf.oneHot(tensor('batch.1', 'int32'), 10)
    const logits = () => c.call(tf.relu(b.call(tf.relu(a.call(x)))))
    const loss = () => tf.losses.softmaxCrossEntropy(labels, logits())
    return training([...a.variables, ...b.variables, ...c.variables], loss)
  },
  cnn_infer: cnn,
  cnn_infer_b1: cnn,
  elementwise_chain: () => {
    const [x, w, b] = [0, 1, 2].map((i) => tensor(`batch.${i}`))
    return computing(() => {
      const z = tf.add(tf.mul(x, w), b)
      // gelu, by tanh
      const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(z, tf.mul(0.044715, tf.mul(z, tf.mul(z, z)))))
      const gelu = tf.mul(tf.mul(0.5, z), tf.add(1, tf.tanh(inner)))
      return tf.tanh(tf.add(tf.mul(gelu, 0.5), x))
    })
  },
  op_overhead: () => {
    const [x, y] = [tensor('batch.0'), tensor('batch.1')]
    return computing(() => {
      let z = x
      for (let i = 0; i < 1000; i++) z = tf.add(z, y)
      return z
    })
  },
}

wasm.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), sep))
wasm.setThreadsCount(Number(threads))
await tf.setBackend('wasm')
const step = steps[name]()
const first = Array.from({ length: 5 }, step)
const evidence =
  typeof first[0] === 'number'
    ? { losses: first, checks: null }
    : { losses: null, checks: [checkOf(first[0].shape, first[0].values)] }
const apart = difference(evidence, readEvidence(name, folder))
const peer = `tfjs-wasm ${tf.version.tfjs}`
console.log(
  JSON.stringify({ peer, difference: Number.isFinite(apart) ? apart : null, ...timeSteps(step, Number(seconds)) }),
)
