/** @file DigitNet: a small convolutional network that reads digits, as the demo trains it. */
import { Conv2d } from '../nn/conv.ts'
import { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { cast, div, flatten, maxPool2d, relu, sub, unsqueeze } from '../ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'

/** Mean and standard deviation of MNIST's pixels, of 1. */
const [MEAN, DEVIATION] = [0.1307, 0.3081]

/** Pictures [B, 28, 28] of grey values 0 to 255 to logits [B, 10]: two convolutions with pooling, two linear layers; 421,642 parameters. */
export class DigitNet extends Module {
  conv1 = new Conv2d(1, 32, 3, { padding: 'same' })
  conv2 = new Conv2d(32, 64, 3, { padding: 'same' })
  fc1 = new Linear(64 * 7 * 7, 128)
  fc2 = new Linear(128, 10)

  override forward(images: Tensor): Tensor {
    let x = unsqueeze(div(sub(div(cast(images, 'f32'), 255), MEAN), DEVIATION), 1)
    x = maxPool2d(relu(this.conv1.forward(x)), 2)
    x = maxPool2d(relu(this.conv2.forward(x)), 2)
    return this.fc2.forward(relu(this.fc1.forward(flatten(x, 1))))
  }
}
