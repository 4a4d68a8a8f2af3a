/** @file What the acceptance scripts train: the seeds' convolutional network, on MNIST or on random images of its form. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crossEntropy, data, nn, noGrad, optim, rand, randint, take, tensor, trainStep } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'

/** conv 32@3x3 same, relu, pool 2, conv 64@3x3 same, relu, pool 2, dense 128 relu, dense 10; names as the PyTorch side has them. */
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

/** The same with the layers that draw random numbers and keep running statistics. */
export class NoisyCNN extends SeedCNN {
  norm1 = new nn.BatchNorm2d(32)
  norm2 = new nn.BatchNorm2d(64)
  dropout = new nn.Dropout(0.5)

  override forward(images: Tensor): Tensor {
    let x = this.norm1.forward(this.conv1.forward(images)).relu().maxPool2d(2)
    x = this.norm2.forward(this.conv2.forward(x)).relu().maxPool2d(2)
    return this.fc2.forward(this.dropout.forward(this.fc1.forward(x.flatten(1)).relu()))
  }
}

export interface Images {
  /** [N, 1, 28, 28] f32 in [0, 1]. */
  readonly images: Tensor
  /** [N] i64. */
  readonly labels: Tensor
  readonly source: 'MNIST' | 'random'
}

/** TENON_DATA, or the folder `shared/data` beside the repository; MNIST is in its subfolder `mnist`. */
const dataFolder = process.env.TENON_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))

/** The folder with MNIST's idx files, or null. */
export function mnistFolder(): string | null {
  const has = (folder: string) =>
    ['train-images-idx3-ubyte', 'train-images-idx3-ubyte.gz'].some((name) => existsSync(join(folder, name)))
  return [join(dataFolder, 'mnist'), dataFolder].find(has) ?? null
}

/** The first `count` training images, or as many random ones where there is no MNIST. */
export async function loadImages(count: number): Promise<Images> {
  const folder = mnistFolder()
  if (!folder) {
    const [images, labels] = [rand([count, 1, 28, 28]), randint(0, 10, [count])]
    return { ...(await evaluated(images, labels)), source: 'random' }
  }
  const { train } = await data.loadMnist(folder)
  const images = train.images.narrow(0, 0, count).unsqueeze(1).cast('f32').div(255)
  return { ...(await evaluated(images, train.labels.narrow(0, 0, count).cast('i64'))), source: 'MNIST' }
}

/** Copies: what they come from can be collected. */
async function evaluated(images: Tensor, labels: Tensor): Promise<{ images: Tensor; labels: Tensor }> {
  const { shape } = images
  const [x, y] = await Promise.all([images.data(), labels.data()])
  return { images: tensor(x, { shape, transfer: true }), labels: tensor(y, { transfer: true }) }
}

/** The rows of batch `i`, going round. */
export function batchOf({ images, labels }: Images, i: number, size: number): [Tensor, Tensor] {
  const at = (i * size) % (labels.size - size + 1)
  const rows = tensor(Int32Array.from({ length: size }, (_, k) => at + k))
  return noGrad(() => [take(images, rows), take(labels, rows)])
}

/** One training step of a model on a batch: the loss, evaluated. */
export function stepOf(model: SeedCNN, options: { lr?: number; compile?: boolean } = {}) {
  const optimizer = new optim.Adam(model.parameters(), { lr: options.lr ?? 1e-3 })
  const loss = (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y)
  return trainStep(model, optimizer, loss, { compile: options.compile ?? false })
}
