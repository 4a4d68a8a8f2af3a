/** @file ResNet-18 (He et al. 2015, "Deep residual learning for image recognition"), on pictures of 224 x 224. */
import { crossEntropy, nn, noGrad, optim, rand, randint } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing, training } from '../workload.ts'

class Residual extends nn.Module {
  conv1: nn.Conv2d
  bn1: nn.BatchNorm2d
  conv2: nn.Conv2d
  bn2: nn.BatchNorm2d
  down: nn.Layer

  constructor(from: number, to: number, stride: number) {
    super()
    this.conv1 = new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false })
    this.bn1 = new nn.BatchNorm2d(to)
    this.conv2 = new nn.Conv2d(to, to, 3, { padding: 1, bias: false })
    this.bn2 = new nn.BatchNorm2d(to)
    this.down =
      stride === 1 && from === to
        ? new nn.Identity()
        : new nn.Sequential(new nn.Conv2d(from, to, 1, { stride, bias: false }), new nn.BatchNorm2d(to))
  }

  override forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu()
    return this.bn2.forward(this.conv2.forward(y)).add(this.down.forward(x)).relu()
  }
}

class ResNet18 extends nn.Module {
  conv1 = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false })
  bn1 = new nn.BatchNorm2d(64)
  layers = new nn.Sequential(
    ...[64, 64, 128, 256].flatMap((from, i) => {
      const to = 64 << i
      return [new Residual(from, to, i === 0 ? 1 : 2), new Residual(to, to, 1)]
    }),
  )
  fc = new nn.Linear(512, 1000)

  override forward(images: Tensor): Tensor {
    const x = this.bn1.forward(this.conv1.forward(images)).relu().maxPool2d(3, { stride: 2, padding: 1 })
    return this.fc.forward(this.layers.forward(x).mean([2, 3]))
  }
}

export const resnet18Train = training('resnet18_train', {
  // Rounding grows through 20 normalised layers, and the loss falls to a fiftieth: PyTorch's own fifth losses, on 1 thread and on 2,
  // differ by 2e-3; tenon's lies nearer than either to that in float64 (2e-4).
  tolerance: 5e-3,
  inputs: () => [rand([8, 3, 224, 224]), randint(0, 1000, [8])],
  build: () => {
    const model = new ResNet18()
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
    return { model, optimizer, loss: (x, y) => crossEntropy(model.forward(x!), y!) }
  },
})

export const resnet18InferB1 = computing('resnet18_infer_b1', {
  inputs: () => [rand([1, 3, 224, 224])],
  build: () => {
    const model = new ResNet18().eval()
    return { model, compute: (x) => noGrad(() => model.forward(x!)) }
  },
})
