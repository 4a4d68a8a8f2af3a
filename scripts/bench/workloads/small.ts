/** @file Small work, where a step is mostly what the framework adds to it; and the smallest network on images. */
import { crossEntropy, mseLoss, nn, ones, optim, rand, randint, zeros } from '../../../lib/index.ts'
import { computing, SMALL, training } from '../workload.ts'

export const tinyTrain = training('tiny_train', {
  ways: SMALL,
  inputs: () => [rand([8, 4]), rand([8, 1])],
  build: () => {
    const model = new nn.Sequential(new nn.Linear(4, 16), new nn.Tanh(), new nn.Linear(16, 1))
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
    return { model, optimizer, loss: (x, y) => mseLoss(model.forward(x!), y!) }
  },
})

export const mlpTrain = training('mlp_train', {
  inputs: () => [rand([32, 784]), randint(0, 10, [32])],
  build: () => {
    const model = new nn.Sequential(
      new nn.Linear(784, 256),
      new nn.ReLU(),
      new nn.Linear(256, 128),
      new nn.ReLU(),
      new nn.Linear(128, 10),
    )
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
    return { model, optimizer, loss: (x, y) => crossEntropy(model.forward(x!), y!) }
  },
})

/** 1000 dependent additions of 4 elements. */
export const opOverhead = computing('op_overhead', {
  ways: SMALL,
  reads: true,
  inputs: () => [zeros([4]), ones([4])],
  build: () => ({
    compute: (x, y) => {
      let z = x!
      for (let i = 0; i < 1000; i++) z = z.add(y!)
      return z
    },
  }),
})
