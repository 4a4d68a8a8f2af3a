/**
 * @file Makes test/fixtures/checkpoint-v1, which the tests of all later versions load: run it only for a new format version, under a new
 * name. `node --import tsx scripts/make-checkpoint-fixture.ts FOLDER`
 */
import { accuracy, crossEntropy, EarlyStopping, manualSeed, nn, optim, tensor, Trainer } from '../lib/index.ts'
import type { Tensor } from '../lib/index.ts'

const folder = process.argv[2]
if (!folder) throw new Error('give the folder to make')

manualSeed(4)
const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 2))
const trainer = new Trainer(model, {
  optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }),
  loss: crossEntropy,
  metrics: { accuracy },
  schedule: optim.exponentialLR({ gamma: 0.5 }),
})
const corners: [Tensor, Tensor] = [
  tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]),
  tensor([0n, 1n, 1n, 0n]),
]
await trainer.fit([corners, corners, corners], {
  epochs: 3,
  verbose: 2,
  callbacks: [new EarlyStopping({ restoreBest: true, patience: 9 })],
})
await trainer.save(folder)
const logits = await model.forward(corners[0]).data()
console.log(`logits after loading: [${[...logits].join(', ')}]`)
