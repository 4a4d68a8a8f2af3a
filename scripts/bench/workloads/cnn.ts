/** @file The seeds' convolutional network, on batches of 28 x 28 pictures. */
import { crossEntropy, nn, noGrad, optim, rand, randint } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing, training } from '../workload.ts'
import type { Way, Workload } from '../workload.ts'

/** conv 32@3x3 same, relu, pool 2, conv 64@3x3 same, relu, pool 2, dense 128 relu, dense 10; PyTorch's names. */
export class SeedCNN extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 3, { padding: 'same' })
  conv2 = new nn.Conv2d(32, 64, 3, { padding: 'same' })
  fc1 = new nn.Linear(64 * 7 * 7, 128)
  fc2 = new nn.Linear(128, 10)

  override forward(images: Tensor): Tensor {
    let x = this.conv1.forward(images).relu().maxPool2d(2)
    x = this.conv2.forward(x).relu().maxPool2d(2)
    return this.fc2.forward(this.fc1.forward(x.flatten(1)).relu())
  }
}

export const cnnTrain = training('cnn_train', {
  inputs: () => [rand([64, 1, 28, 28]), randint(0, 10, [64])],
  build: () => {
    const model = new SeedCNN()
    const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
    return { model, optimizer, loss: (x, y) => crossEntropy(model.forward(x!), y!) }
  },
})

const inferring = (name: string, batch: number, ways: readonly Way[]): Workload =>
  computing(name, {
    ways,
    inputs: () => [rand([batch, 1, 28, 28])],
    build: () => {
      const model = new SeedCNN().eval()
      return { model, compute: (x) => noGrad(() => model.forward(x!)) }
    },
  })

export const cnnInfer = inferring('cnn_infer', 64, ['compiled', 'plain'])
export const cnnInferB1 = inferring('cnn_infer_b1', 1, ['compiled', 'compiled sync', 'plain'])
