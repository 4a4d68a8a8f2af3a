/** @file onnxruntime-node on the model that tenon exports, for inference. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer, PeerReport } from './peer.ts'
import { runChild } from './run-child.ts'

const workloads = ['cnn_infer', 'cnn_infer_b1', 'resnet18_infer_b1', 'bert_base_infer']

export const onnxruntime: Peer = {
  name: 'onnxruntime',
  prepare: () => import('onnxruntime-node').then(() => ''),
  has: (workload) => workloads.includes(workload),
  time: async ({ workload, threads, seconds, folder }) => {
    const file = join(folder, `${workload}.onnx`)
    if (!existsSync(file)) await runChild('onnxruntime-export.ts', [workload, folder, file])
    return (await runChild('onnxruntime-child.ts', [workload, threads, seconds, folder, file])) as PeerReport
  },
}
