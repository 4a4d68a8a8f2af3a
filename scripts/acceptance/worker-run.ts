/** @file What workers.ts starts and ends: trains a small model until it is told to stop, or is stopped. Says 'running' after its first step. */
import { parentPort, workerData } from 'node:worker_threads'
import { crossEntropy, nn, optim, rand, randint } from '../../lib/index.ts'

const { exitAfter } = workerData as { exitAfter: number | null }
const model = new nn.Sequential(new nn.Linear(256, 128), new nn.BatchNorm1d(128), new nn.ReLU(), new nn.Linear(128, 10))
const optimizer = new optim.Adam(model.parameters())

if (exitAfter !== null) setTimeout(() => process.exit(0), exitAfter)
for (let i = 0; ; i++) {
  crossEntropy(model.forward(rand([256, 256])), randint(0, 10, [256])).backward()
  const step = optimizer.step()
  // Mostly a few steps ahead of the engine; sometimes blocking.
  if (i % 16 === 15) optimizer.stepSync()
  else if (i % 4 === 0) await step
  if (i === 0) parentPort!.postMessage('running')
}
