/** @file Neural collaborative filtering (He et al. 2017): two tables of 100,000 vectors and a small network on top. */
import { binaryCrossEntropyWithLogits, concat, nn, optim, rand, randint } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { training } from '../workload.ts'

const [NUM, WIDTH, BATCH] = [100_000, 64, 4096]

class NCF extends nn.Module {
  user = new nn.Embedding(NUM, WIDTH)
  item = new nn.Embedding(NUM, WIDTH)
  mlp = new nn.Sequential(
    new nn.Linear(2 * WIDTH, 128),
    new nn.ReLU(),
    new nn.Linear(128, 64),
    new nn.ReLU(),
    new nn.Linear(64, 1),
  )

  override forward(users: Tensor, items: Tensor): Tensor {
    return this.mlp.forward(concat([this.user.forward(users), this.item.forward(items)], 1)).squeeze(1)
  }
}

export const ncfTrain = training('ncf_train', {
  inputs: () => [randint(0, NUM, [BATCH]), randint(0, NUM, [BATCH]), rand([BATCH]).round()],
  build: () => {
    const model = new NCF()
    const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
    const loss = (users: Tensor, items: Tensor, y: Tensor) =>
      binaryCrossEntropyWithLogits(model.forward(users, items), y)
    return { model, optimizer, loss: (users, items, y) => loss(users!, items!, y!) }
  },
})
