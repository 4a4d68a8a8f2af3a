/** @file MNIST and its kin (Fashion-MNIST, KMNIST): four IDX files in a folder. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { readIdx } from './idx.ts'

export interface Labelled {
  /** [N, 28, 28], u8. */
  readonly images: Tensor
  /** [N], u8. */
  readonly labels: Tensor
}

export interface Mnist {
  readonly train: Labelled
  readonly test: Labelled
}

/** Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each also as .gz. */
export async function loadMnist(folder: string): Promise<Mnist> {
  return { train: await readPart(folder, 'train'), test: await readPart(folder, 't10k') }
}

async function readPart(folder: string, part: string): Promise<Labelled> {
  const images = await readIdx(await find(folder, `${part}-images`, 'idx3-ubyte'))
  const labels = await readIdx(await find(folder, `${part}-labels`, 'idx1-ubyte'))
  const fits =
    images.dtype === 'u8' &&
    images.rank === 3 &&
    labels.dtype === 'u8' &&
    labels.rank === 1 &&
    labels.size === images.shape[0]
  if (!fits) {
    fail(
      'FORMAT',
      'loadMnist',
      `${part}: needs u8 [N, H, W] and [N], got ${images.dtype} ${showShape(images.shape)} and ${labels.dtype} ${showShape(labels.shape)}.`,
    )
  }
  return { images, labels }
}

/** Some archives unpack with a dot in the name. */
async function find(folder: string, name: string, kind: string): Promise<string> {
  for (const file of [`${name}-${kind}`, `${name}.${kind}`].flatMap((plain) => [plain, `${plain}.gz`])) {
    const path = join(folder, file)
    const exists = await access(path).then(
      () => true,
      () => false,
    )
    if (exists) return path
  }
  return fail('FORMAT', 'loadMnist', `there is no ${name}-${kind} or ${name}-${kind}.gz in ${folder}.`)
}
