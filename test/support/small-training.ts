/** @file A training of a fraction of a second with all that makes resuming hard: dropout, running statistics, momenta, shuffling. */
import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crossEntropy, manualSeed, nn, optim, tensor, Trainer } from '../../lib/index.ts'
import type { History, Tensor, TrainerOptions } from '../../lib/index.ts'
import { DataLoader } from '../../lib/data/data-loader.ts'
import { TensorDataset } from '../../lib/data/tensor-dataset.ts'

export class SmallModel extends nn.Module {
  first = new nn.Linear(4, 8)
  norm = new nn.BatchNorm2d(2)
  dropout = new nn.Dropout(0.2)
  second = new nn.Linear(8, 3)
  forward(x: Tensor): Tensor {
    const hidden = this.norm.forward(this.first.forward(x).reshape([-1, 2, 2, 2])).flatten(1)
    return this.second.forward(this.dropout.forward(hidden.relu()))
  }
}

/** 50 samples of 4 numbers, with the largest of the first three as class. */
export function smallSet(count = 50): TensorDataset<readonly [Tensor, Tensor]> {
  const x = Float32Array.from({ length: count * 4 }, (_, i) => ((i * 7919) % 101) / 50 - 1)
  const classes = Array.from({ length: count }, (_, i) => {
    const row = [...x.subarray(i * 4, i * 4 + 3)]
    return BigInt(row.indexOf(Math.max(...row)))
  })
  return new TensorDataset(tensor(x, { shape: [count, 4] }), tensor(BigInt64Array.from(classes)))
}

export const smallLoader = () => new DataLoader(smallSet(), { batchSize: 8, shuffle: true, seed: 5 })

/** The same one each time. */
export function smallTrainer(options: Partial<TrainerOptions> = {}): Trainer {
  manualSeed(11)
  const model = new SmallModel()
  return new Trainer(model, {
    optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }),
    loss: crossEntropy,
    ...options,
  })
}

/** What has to be equal: everything but times. */
export function curve({ steps, epochs }: History): unknown {
  return {
    steps: steps.map(({ step, epoch, loss, learningRate }) => ({ step, epoch, loss, learningRate })),
    epochs: epochs.map(({ epoch, metrics, learningRate, skipped }) => ({ epoch, metrics, learningRate, skipped })),
  }
}

/** Of all variables of the model. */
export async function weightsOf({ model }: Trainer): Promise<string> {
  const hash = createHash('sha256')
  for (const variable of model.stateDict().values()) hash.update(new Uint8Array((await variable.data()).buffer))
  return hash.digest('hex')
}

export const newFolder = () => mkdtempSync(join(tmpdir(), 'tenon-train-'))
