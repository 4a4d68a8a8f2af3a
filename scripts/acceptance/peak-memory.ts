/**
 * @file Point 7: the measured peak of memory of a training step is what summary() said before it ran, within 5 % (Linux).
 * `node --import tsx scripts/acceptance/peak-memory.ts [--batch N]`.
 */
import { parseArgs } from 'node:util'
import { crossEntropy, optim, summary } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { addon, codes } from '../../lib/engine/addon.ts'
import { compilePlan } from '../../lib/plan/plan.ts'
import type { Summary } from '../../lib/plan/plan.ts'
import { walk } from '../../lib/plan/walk.ts'
import { collectGarbage, resetPeak, residentBytes } from '../process-memory.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { megabytes, report, round, skip } from './report.ts'
import { adamStep, batchOf, loadImages } from './workload.ts'

const WARM_UP_BATCH = 8
const TOLERANCE = 0.05

const { values } = parseArgs({ options: { batch: { type: 'string', default: '1024' } } })
if (process.platform === 'linux') await main(Number(values.batch))
else skip('peak-memory', 'the peak can be measured on Linux only')

async function main(batch: number): Promise<void> {
  const images = await loadImages(batch)
  // Code, the thread pool, and what BLAS keeps for itself.
  const warmUp = adamStep(new SeedCNN())
  for (let i = 0; i < 3; i++) await warmUp(...batchOf(images, i, WARM_UP_BATCH))
  await collectGarbage()

  const before = residentBytes('VmRSS')
  const held = addon().stats().arenaBytes // given back when the arena grows
  const model = new SeedCNN()
  const optimizer = new optim.Adam(model.parameters())
  const [x, y] = batchOf(images, 0, batch)
  const train = async () => {
    const loss = crossEntropy(model.forward(x), y)
    loss.backward()
    const predicted = predict(loss, optimizer)
    await optimizer.step()
    return predicted
  }
  // The first step gives the variables their storage.
  await train()
  await collectGarbage()
  resetPeak()
  const predicted = await train()
  const measured = residentBytes('VmHWM') - before + held
  report('peak-memory', [{ name: 'error', value: Math.abs(measured / predicted.peakBytes - 1), most: TOLERANCE }], {
    batch,
    ratio: round(measured / predicted.peakBytes),
    measuredMb: round(megabytes(measured)),
    predictedMb: round(megabytes(predicted.peakBytes)),
    parts: Object.fromEntries(
      Object.entries(predicted).map(([name, n]) => [name, name.endsWith('Bytes') ? round(megabytes(n)) : n]),
    ),
  })
}

/** summary() of what the next step of the optimiser will run. */
function predict(loss: Tensor, optimizer: optim.Adam): Summary {
  const found = walk({ results: [loss], updates: optimizer.pending().updates })
  return summary(compilePlan(found, codes()))
}
