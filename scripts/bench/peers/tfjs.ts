/** @file TensorFlow.js on its wasm back end, for the workloads whose ops that has (in 4.22 it has no gradients of convolutions, for one). */
import { npmPackages } from './peer.ts'
import type { Peer, PeerReport } from './peer.ts'
import { runChild } from './run-child.ts'

const packages = ['@tensorflow/tfjs@4', '@tensorflow/tfjs-backend-wasm@4'] as const
const workloads = ['tiny_train', 'mlp_train', 'cnn_infer', 'cnn_infer_b1', 'elementwise_chain', 'op_overhead']

export const tfjs: Peer = {
  name: 'tfjs-wasm',
  prepare: () => npmPackages(...packages).then(() => ''),
  has: (workload) => workloads.includes(workload),
  time: async ({ workload, threads, seconds, folder }) => {
    const args = [await npmPackages(...packages), workload, threads, seconds, folder]
    return (await runChild('tfjs-child.mjs', args)) as PeerReport
  },
}
