/** @file Recurrent networks over sequences, read out at their last step. */
import { crossEntropy, nn, optim, randint, rand } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { training } from '../workload.ts'
import type { Workload } from '../workload.ts'

type Cell = nn.RNN | nn.LSTM | nn.GRU

/** The last output through a linear layer to 10 classes. */
class Recurrent extends nn.Module {
  rnn: Cell
  fc: nn.Linear

  constructor(rnn: Cell, width: number) {
    super()
    this.rnn = rnn
    this.fc = new nn.Linear(width, 10)
  }

  /** [B, T, features] -> [B, 10]. */
  override forward(x: Tensor): Tensor {
    const [output] = this.rnn.forward(x)
    return this.fc.forward(output.narrow(1, x.shape[1]! - 1, 1).squeeze(1))
  }
}

/** `shape` is [B, T, features]. */
const classifying = (name: string, shape: readonly number[], width: number, rnn: () => Cell): Workload =>
  training(name, {
    inputs: () => [rand(shape), randint(0, 10, [shape[0]!])],
    build: () => {
      const model = new Recurrent(rnn(), width)
      const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
      return { model, optimizer, loss: (x, y) => crossEntropy(model.forward(x!), y!) }
    },
  })

const deep = { numLayers: 2, batchFirst: true }
export const rnnTrain = classifying('rnn_train', [64, 28, 28], 128, () => new nn.RNN(28, 128, { batchFirst: true }))
export const lstmTrain = classifying('lstm_train', [32, 100, 64], 256, () => new nn.LSTM(64, 256, deep))
export const gruTrain = classifying('gru_train', [32, 100, 64], 256, () => new nn.GRU(64, 256, deep))
