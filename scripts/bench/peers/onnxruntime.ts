/** @file onnxruntime-node on the model that tenon exports, for inference. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jsonOf } from '../child.ts'
import type { Peer, PeerReport } from './peer.ts'

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

/** tenon's memory is not the other's: the model is written by a process of its own. */
function runChild(script: string, args: readonly (string | number)[]): Promise<unknown> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  return jsonOf(process.execPath, ['--import', 'tsx', path, ...args.map(String)], {})
}
