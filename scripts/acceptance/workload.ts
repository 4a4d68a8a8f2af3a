/** @file What the acceptance scripts train: the seeds' convolutional network, on MNIST or on random images of its form. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crossEntropy, data, nn, optim, rand, randint, tensor, trainStep } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'

/** The seeds' network with layers that draw random numbers and keep running statistics. */
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

/** One Adam step on a batch: gives the loss, evaluated. */
export function adamStep(model: SeedCNN): (x: Tensor, y: Tensor) => Promise<Tensor> {
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  return trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y))
}

export const PIXELS = 28 * 28

export interface Images {
  /** [N, 28, 28] in [0, 1]. */
  readonly pixels: Float32Array
  readonly labels: BigInt64Array
  readonly source: 'MNIST' | 'random'
}

/** The first `count` training images, or all; random ones where there is no MNIST in TENON_DATA or ../shared/data. */
export async function loadImages(count: number): Promise<Images> {
  const folder = mnistFolder()
  if (!folder) {
    const pixels = (await rand([count, PIXELS]).data()) as Float32Array
    return { pixels, labels: (await randint(0, 10, [count]).data()) as BigInt64Array, source: 'random' }
  }
  const { train } = await data.loadMnist(folder)
  const n = Math.min(count, train.labels.size)
  const bytes = (await train.images.narrow(0, 0, n).data()) as Uint8Array
  const labels = (await train.labels.narrow(0, 0, n).data()) as Uint8Array
  return {
    pixels: Float32Array.from(bytes, (x) => x / 255),
    labels: BigInt64Array.from(labels, BigInt),
    source: 'MNIST',
  }
}

/** The rows of batch `i`, going round: [size, 1, 28, 28] and [size]. */
export function batchOf({ pixels, labels }: Images, i: number, size: number): [x: Tensor, y: Tensor] {
  const at = (i % Math.floor(labels.length / size)) * size
  const rows = pixels.subarray(at * PIXELS, (at + size) * PIXELS)
  return [tensor(rows, { shape: [size, 1, 28, 28] }), tensor(labels.subarray(at, at + size))]
}

function mnistFolder(): string | undefined {
  const folder = process.env.TENON_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))
  const file = 'train-images-idx3-ubyte'
  return [join(folder, 'mnist'), folder].find((dir) => [file, `${file}.gz`].some((name) => existsSync(join(dir, name))))
}
