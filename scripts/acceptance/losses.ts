/**
 * @file Point 3: from PyTorch's initial weights and the same 20 batches of MNIST every loss is PyTorch's within 1e-4.
 * `node --import tsx scripts/acceptance/losses.ts [--steps N]`; PYTHON names a Python that has torch.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadSafetensors, saveSafetensors, tensor } from '../../lib/index.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { peerScript, python, whyNoPeer } from '../bench/peers/torch.ts'
import { report, skip } from './report.ts'
import { adamStep, batchOf, loadImages, PIXELS } from './workload.ts'
import type { Images } from './workload.ts'

const BATCH = 64
const TOLERANCE = 1e-4

const { values } = parseArgs({ options: { steps: { type: 'string', default: '20' } } })
const steps = Number(values.steps)
const reason = whyNoPeer()
if (reason) skip('losses', reason)
else await main()

async function main(): Promise<void> {
  const images = await loadImages(steps * BATCH)
  const folder = mkdtempSync(join(tmpdir(), 'tenon-losses-'))
  try {
    const theirs = await peerLosses(images, folder)
    const ours = await ownLosses(images, join(folder, 'cnn_train.safetensors'))
    console.log('step  PyTorch     tenon       difference')
    const differences = ours.map((loss, i) => Math.abs(loss - theirs[i]!))
    ours.forEach((loss, i) => {
      console.log(
        `${String(i).padStart(4)}  ${theirs[i]!.toFixed(7)}   ${loss.toFixed(7)}   ${differences[i]!.toExponential(1)}`,
      )
    })
    const complete = theirs.length === steps && ours.length === steps
    const largest = complete ? Math.max(...differences) : NaN
    report('losses', [{ name: 'largestDifference', value: largest, most: TOLERANCE }], { steps, data: images.source })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Leaves PyTorch's initial weights in the folder. */
async function peerLosses({ pixels, labels }: Images, folder: string): Promise<number[]> {
  const file = join(folder, 'batches.safetensors')
  await saveSafetensors(file, {
    'batch.0': tensor(pixels.subarray(0, steps * BATCH * PIXELS), { shape: [steps, BATCH, 1, 28, 28] }),
    'batch.1': tensor(labels.subarray(0, steps * BATCH), { shape: [steps, BATCH] }),
  })
  const args = [
    peerScript,
    '--only',
    'cnn_train',
    '--steps',
    String(steps),
    '--batch',
    file,
    '--dump',
    folder,
    '--no-time',
  ]
  const { status, stderr, error } = spawnSync(python, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${python} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return (JSON.parse(readFileSync(join(folder, 'cnn_train.json'), 'utf8')) as { losses: number[] }).losses
}

async function ownLosses(images: Images, weights: string): Promise<number[]> {
  const model = new SeedCNN()
  const state = [...(await loadSafetensors(weights))].filter(([name]) => !name.startsWith('batch.'))
  await model.loadStateDict(new Map(state))
  const step = adamStep(model)
  const losses: number[] = []
  for (let i = 0; i < steps; i++) losses.push(await (await step(...batchOf(images, i, BATCH))).item())
  return losses
}
