/** @file L-BFGS on Rosenbrock's function, with PyTorch's numbers; averages of weights. */
import { nn, ones, optim, tensor, TenonError, Variable } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('lbfgs')

const start = () => new Variable(tensor([-1.2, 1], { dtype: 'f64' }))
/** (1 - a)^2 + 100 (b - a^2)^2. */
function rosenbrock(x: Variable): Tensor {
  const [a, b] = [x.narrow(0, 0, 1), x.narrow(0, 1, 1)]
  return a.neg().add(1).square().add(b.sub(a.square()).square().mul(100)).sum()
}
const closureOf = (x: Variable, count = { n: 0 }) => {
  return () => {
    count.n++
    const loss = rosenbrock(x)
    loss.backward()
    return loss
  }
}
const near = (got: number, want: number, tolerance: number) =>
  assert.ok(Math.abs(got - want) <= tolerance, `${got}, wanted ${want}`)

test('strong Wolfe: the path, and the number of evaluations, that PyTorch takes', async () => {
  const x = start()
  const optimizer = new optim.LBFGS([x], { maxIter: 7, lineSearchFn: 'strong_wolfe' })
  const count = { n: 0 }
  const seen: number[][] = []
  for (let i = 0; i < 6; i++) {
    await optimizer.step(closureOf(x, count))
    seen.push([...((await x.data()) as Float64Array), count.n])
  }
  const want = [
    [-0.9970310351680055, 0.9755913846740084, 8],
    [-0.2560895768966468, 0.03726198161622369, 18],
    [0.34184236067537654, 0.09925827373850052, 26],
    [0.7887038200403467, 0.6122685417325051, 34],
    [0.9768773674819872, 0.9525832436377473, 42],
    [0.9999814210791366, 0.9999619651810989, 48],
  ]
  want.forEach((row, i) => row.forEach((value, j) => near(seen[i]![j]!, value, 1e-8)))
})

test('fixed steps: the path that PyTorch takes', async () => {
  const x = start()
  const optimizer = new optim.LBFGS([x], { lr: 0.01, maxIter: 7 })
  for (let i = 0; i < 6; i++) await optimizer.step(closureOf(x))
  const [a, b] = (await x.data()) as Float64Array
  near(a!, -1.1532528081313882, 1e-9)
  near(b!, 1.0469540699289461, 1e-9)
})

test('stopped and gone on with: bit for bit the same', async () => {
  const make = (x: Variable) => new optim.LBFGS([x], { maxIter: 3, lineSearchFn: 'strong_wolfe', historySize: 2 })
  const whole = start()
  const straight = make(whole)
  for (let i = 0; i < 4; i++) await straight.step(closureOf(whole))
  const x = start()
  const before = make(x)
  for (let i = 0; i < 2; i++) await before.step(closureOf(x))
  const after = make(x)
  await after.loadStateDict(before.stateDict())
  for (let i = 0; i < 2; i++) await after.step(closureOf(x))
  assert.equal(await x.data(), await whole.data())
})

test('several parameters; a closure that does not do its work is refused', async () => {
  const [a, b] = [new Variable(ones([2, 2])), new Variable(ones([3]))]
  const optimizer = new optim.LBFGS([a, b], { lineSearchFn: 'strong_wolfe' })
  const loss = () => a.sub(3).square().sum().add(b.add(2).square().sum())
  await optimizer.step(() => {
    const value = loss()
    value.backward()
    return value
  })
  near(await loss().item(), 0, 1e-9)
  const message = await optimizer.step(loss).catch((error: TenonError) => error.message)
  assert.match(String(message), /must call backward/)
  const two = [{ params: [a] }, { params: [b] }] as never
  assert.throws(() => new optim.LBFGS(two), /one group/)
})

test('AveragedModel: moving average, mean of all, and use in the model', async () => {
  const model = new nn.Linear(1, 1, { bias: false })
  const [moving, mean] = [
    new optim.AveragedModel(model, { decay: 0.5 }),
    new optim.AveragedModel(model, { decay: null }),
  ]
  for (const value of [1, 2, 6]) {
    await model.loadStateDict(new Map([['weight', tensor([[value]])]]))
    await moving.update()
    await mean.update()
  }
  const valueOf = async (average: optim.AveragedModel) => average.stateDict().get('weight')!.item()
  assert.is(await valueOf(moving), 3.75)
  assert.is(await valueOf(mean), 3)
  const inside = await mean.use(async () => model.forward(tensor([[2]])).item())
  assert.is(inside, 6)
  assert.is(await model.weight.item(), 6)
  const again = new optim.AveragedModel(model, { decay: 0.5 })
  await again.load(moving.stateDict(), moving.state())
  await again.update()
  assert.is(await valueOf(again), 4.875)
  await again.apply()
  assert.is(await model.weight.item(), 4.875)
})

test('AveragedModel: nothing to use before the first update; decay out of range', async () => {
  const model = new nn.Linear(1, 1)
  assert.match(String(await new optim.AveragedModel(model).apply().catch((e: Error) => e.message)), /no average yet/)
  assert.throws(() => new optim.AveragedModel(model, { decay: 1 }), /decay lies in/)
})
