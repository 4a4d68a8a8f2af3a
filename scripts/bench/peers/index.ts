/** @file All peers. The first stands beside tenon in every row; the others have a row of their own for each workload that they can do. */
import type { Peer } from './peer.ts'
import { llama } from './llama.ts'
import { onnxruntime } from './onnxruntime.ts'
import { tfjs } from './tfjs.ts'
import { newest, newestCompiled, torch } from './torch.ts'

export const peers: readonly Peer[] = [torch, newest, newestCompiled, onnxruntime, tfjs, llama]
