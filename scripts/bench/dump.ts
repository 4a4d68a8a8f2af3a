/** @file The numbers that PyTorch starts a workload from, in tenon's side of it. */
import { loadSafetensors } from '../../lib/index.ts'
import type { nn, Tensor } from '../../lib/index.ts'
import { tensorsFile } from './peers/torch.ts'
import type { Workload } from './workload.ts'

/** Gives the inputs; the model has the parameters then. */
export async function loadDump(
  workload: Workload,
  model: nn.Module | null,
  folder: string,
): Promise<readonly Tensor[]> {
  const tensors = await loadSafetensors(tensorsFile(workload.name, folder))
  const isInput = (name: string) => name.startsWith('batch.')
  await model?.loadStateDict(new Map([...tensors].filter(([name]) => !isInput(name))))
  return workload.inputs().map((_, i) => tensors.get(`batch.${i}`)!)
}
