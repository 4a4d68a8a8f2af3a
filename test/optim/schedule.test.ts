/** @file Schedules: numbers by hand from the formulas, and by PyTorch's recurrences where it has no formula. */
import * as assert from 'uvu/assert'
import { optim, TenonError, tensor, Variable } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('schedule')
const {
  stepLR,
  multiStepLR,
  exponentialLR,
  constantLR,
  linearLR,
  polynomialLR,
  cosineAnnealingLR,
  oneCycleLR,
  lambdaLR,
  warmup,
  sequentialLR,
  reduceLROnPlateau,
} = optim

/** Rates of an optimiser made with 0.1, for t = 0, 1, 2, ... of what the schedule counts by default. */
const cases: [title: string, schedule: optim.Schedule, rates: number[]][] = [
  ['constantLR', constantLR({ factor: 0.5, totalIters: 2 }), [0.05, 0.05, 0.1, 0.1]],
  ['stepLR', stepLR({ stepSize: 2, gamma: 0.1 }), [0.1, 0.1, 0.01, 0.01, 0.001]],
  ['multiStepLR', multiStepLR({ milestones: [1, 3], gamma: 0.5 }), [0.1, 0.05, 0.05, 0.025, 0.025]],
  ['exponentialLR', exponentialLR({ gamma: 0.9 }), [0.1, 0.09, 0.081, 0.0729]],
  ['linearLR', linearLR({ startFactor: 0.5, totalIters: 4 }), [0.05, 0.0625, 0.075, 0.0875, 0.1, 0.1]],
  ['polynomialLR', polynomialLR({ totalIters: 4, power: 2 }), [0.1, 0.05625, 0.025, 0.00625, 0, 0]],
  ['cosineAnnealingLR: down, and up again', cosineAnnealingLR({ tMax: 2, etaMin: 0.02 }), [0.1, 0.06, 0.02, 0.06, 0.1]],
  [
    'cosineAnnealingWarmRestarts: waves of 1, 2, 4',
    optim.cosineAnnealingWarmRestarts({ t0: 1, tMult: 2, etaMin: 0.02 }),
    [0.1, 0.1, 0.06, 0.1, ...[1, 2, 3].map((t) => 0.06 + 0.04 * Math.cos((Math.PI * t) / 4)), 0.1],
  ],
  ['multiplicativeLR', optim.multiplicativeLR((t) => 1 / t), [0.1, 0.1, 0.05, 0.1 / 6, 0.1 / 24]],
  [
    'chainedScheduler: both at once',
    optim.chainedScheduler([constantLR({ factor: 0.5, totalIters: 2 }), exponentialLR({ gamma: 0.1 })]),
    [0.05, 0.005, 0.001, 0.0001],
  ],
  [
    'cyclicLR: triangles, each half as high',
    optim.cyclicLR({
      baseLr: 0.2,
      maxLr: 1,
      stepSizeUp: 2,
      stepSizeDown: 1,
      mode: 'triangular2',
      cycleMomentum: false,
    }),
    [0.2, 0.6, 1, 0.2, 0.4, 0.6, 0.2, 0.3],
  ],
  [
    'cyclicLR: by gamma^t',
    optim.cyclicLR({ baseLr: 0, maxLr: 1, stepSizeUp: 1, mode: 'exp_range', gamma: 0.5, cycleMomentum: false }),
    [0, 0.5, 0, 0.125],
  ],
  [
    'oneCycleLR: three phases',
    oneCycleLR({ totalSteps: 11, pctStart: 3 / 11, divFactor: 10, annealStrategy: 'linear', threePhase: true }),
    [0.01, 0.055, 0.1, 0.055, 0.01, ...[5, 4, 3, 2, 1, 0].map((n) => 1e-6 + ((0.01 - 1e-6) * n) / 6)],
  ],
  ['lambdaLR', lambdaLR((t) => 1 / (1 + t)), [0.1, 0.05, 0.1 / 3]],
  ['warmup: the first step is a step', warmup({ steps: 4 }), [0.025, 0.05, 0.075, 0.1, 0.1]],
  [
    'warmup: multiplies',
    warmup({ steps: 2, startFactor: 0.5, then: exponentialLR({ gamma: 0.5, by: 'step' }) }),
    [0.075, 0.05, 0.025, 0.0125],
  ],
  [
    'sequentialLR: each counts from its beginning',
    sequentialLR([linearLR({ startFactor: 0.5, totalIters: 2 }), exponentialLR({ gamma: 0.1 })], { milestones: [2] }),
    [0.05, 0.075, 0.1, 0.01, 0.001],
  ],
  // Up in 0.3 * 10 - 1 = 2 steps from 0.1 / 25, down in 7 to a hundredth of that.
  [
    'oneCycleLR: linear',
    oneCycleLR({ totalSteps: 10, finalDivFactor: 100, annealStrategy: 'linear' }),
    line([0.004, 2], [0.1, 7], [0.00004, 0]),
  ],
]
for (const [title, schedule, rates] of cases) {
  test(title, () => {
    rates.forEach((rate, t) => {
      const got = schedule.rate(0.1, { step: t, epoch: t })
      assert.ok(Math.abs(got - rate) < 1e-12, `t = ${t}: ${got}, wanted ${rate}`)
    })
  })
}

test('oneCycleLR: cos meets the line at both ends and in the middle', () => {
  const schedule = oneCycleLR({ totalSteps: 10, maxLr: 1 })
  const at = (step: number) => schedule.rate(0.1, { step, epoch: 0 })
  assert.ok(
    Math.abs(at(0) - 1 / 25) < 1e-12 && Math.abs(at(2) - 1) < 1e-12 && Math.abs(at(1) - (1 + 1 / 25) / 2) < 1e-12,
  )
  assert.ok(Math.abs(at(9) - 1 / 25 / 1e4) < 1e-12)
  assert.is(at(50), at(9))
})

test('cyclicLR and oneCycleLR: momentum goes the other way, as betas[0] of Adam', () => {
  const v = () => new Variable(tensor([1]))
  const sgd = new optim.SGD([v()], { lr: 0.1, momentum: 0.9 })
  const cycle = new optim.Scheduler(sgd, optim.cyclicLR({ baseLr: 0.1, maxLr: 1, stepSizeUp: 2 }))
  const momenta = Array.from({ length: 4 }, () => (cycle.step(), sgd.paramGroups[0]!.momentum))
  momenta.forEach((m, i) => assert.ok(Math.abs(m - [0.85, 0.8, 0.85, 0.9][i]!) < 1e-12, String(momenta)))
  const adam = new optim.Adam([v()], { lr: 0.1 })
  const one = new optim.Scheduler(adam, oneCycleLR({ totalSteps: 10 }))
  assert.equal(adam.paramGroups[0]!.betas, [0.95, 0.999])
  one.set({ step: 2, epoch: 0 })
  assert.equal(adam.paramGroups[0]!.betas, [0.85, 0.999])
  const none = new optim.Adagrad([v()])
  assert.throws(() => new optim.Scheduler(none, oneCycleLR({ totalSteps: 10 })), /cycleMomentum: false/)
})

test('lambdaLR, cyclicLR: one for each group', () => {
  const groups = [1, 2].map((lr) => ({ params: [new Variable(tensor([1]))], lr }))
  const optimizer = new optim.SGD(groups)
  const scheduler = new optim.Scheduler(optimizer, lambdaLR([(t) => t, (t) => 10 * t]))
  scheduler.epoch()
  assert.equal(
    optimizer.paramGroups.map(({ lr }) => lr),
    [1, 20],
  )
  const cyclic = optim.cyclicLR({ baseLr: [0, 1], maxLr: [2, 3], stepSizeUp: 2, cycleMomentum: false })
  assert.is(cyclic.rate(0, { step: 1, epoch: 0 }, 1), 2)
  assert.throws(() => cyclic.rate(0, { step: 1, epoch: 0 }, 2), /none for group 2/)
})

test('by: counts steps or epochs', () => {
  const time = { step: 10, epoch: 1 }
  assert.is(exponentialLR({ gamma: 0.5 }).rate(1, time), 0.5)
  assert.is(exponentialLR({ gamma: 0.5, by: 'step' }).rate(1, time), 0.5 ** 10)
})

test('reduceLROnPlateau: reduces after more than `patience` epochs, rests for `cooldown`', () => {
  const schedule = reduceLROnPlateau({ patience: 1, factor: 0.5, cooldown: 1, minLr: 0.2 })
  const rates = [3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2].map((val_loss) => {
    schedule.observe!({ loss: 0, val_loss })
    return schedule.rate(1, { step: 0, epoch: 0 })
  })
  assert.equal(rates, [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2])
  const other = reduceLROnPlateau({ patience: 1, factor: 0.5, cooldown: 1, minLr: 0.2 })
  other.load!(JSON.parse(JSON.stringify(schedule.state!())))
  assert.is(other.rate(1, { step: 0, epoch: 0 }), 0.2)
})

test('reduceLROnPlateau: mode max looks for more; a name that is not there is an error', () => {
  const schedule = reduceLROnPlateau({ monitor: 'accuracy', mode: 'max', patience: 0, factor: 0.5 })
  for (const accuracy of [0.5, 0.6, 0.7]) schedule.observe!({ accuracy })
  assert.is(schedule.rate(1, { step: 0, epoch: 0 }), 1)
  schedule.observe!({ accuracy: 0.7 })
  assert.is(schedule.rate(1, { step: 0, epoch: 0 }), 0.5)
  assert.throws(() => schedule.observe!({ loss: 1 }), /no 'accuracy' to look at. There are: loss/)
})

test('Scheduler: sets each group by its own rate, and goes on where it was', () => {
  const v = () => new Variable(tensor([1]))
  const make = () => {
    const optimizer = new optim.SGD([
      { params: [v()], lr: 1 },
      { params: [v()], lr: 0.1 },
    ])
    return { optimizer, scheduler: new optim.Scheduler(optimizer, warmup({ steps: 4, then: stepLR({ stepSize: 1 }) })) }
  }
  const { optimizer, scheduler } = make()
  const rates = () => optimizer.paramGroups.map(({ lr }) => Number(lr.toFixed(6)))
  assert.equal(rates(), [0.25, 0.025])
  scheduler.step()
  assert.equal(rates(), [0.5, 0.05])
  scheduler.epoch()
  assert.equal(rates(), [0.05, 0.005])
  const other = make()
  other.scheduler.load(JSON.parse(JSON.stringify(scheduler.state())))
  assert.equal(
    other.optimizer.paramGroups.map(({ lr }) => lr),
    optimizer.paramGroups.map(({ lr }) => lr),
  )
})

const refused: [title: string, make: () => unknown, code: string, phrase: RegExp][] = [
  ['an unknown option', () => stepLR({ stepsize: 3 } as never), 'OPTION', /Did you mean 'stepSize'/],
  ['a missing stepSize', () => stepLR({} as never), 'VALUE', /stepSize must be an integer >= 1/],
  ['another unit', () => exponentialLR({ gamma: 1, by: 'batch' as never }), 'VALUE', /by is 'step' or 'epoch'/],
  ['milestones that fall', () => multiStepLR({ milestones: [3, 2] }), 'VALUE', /integers that rise/],
  [
    'too few milestones',
    () => sequentialLR([constantLR(), constantLR()], { milestones: [] }),
    'VALUE',
    /between each two/,
  ],
  ['a factor of 1', () => reduceLROnPlateau({ factor: 1 }), 'VALUE', /factor must be in \[0, 1\)/],
  [
    'what is no schedule',
    () => new optim.Scheduler(new optim.SGD([new Variable(tensor([1]))]), {} as never),
    'VALUE',
    /needs a schedule/,
  ],
]
for (const [title, make, code, phrase] of refused) {
  test(`refuses ${title}`, () => {
    assert.throws(make, (error: TenonError) => error.code === code && phrase.test(error.message))
  })
}

/** Straight lines between [value, length] pairs. */
function line(...corners: [value: number, length: number][]): number[] {
  const points = corners.slice(0, -1).flatMap(([value, n], i) => {
    const to = corners[i + 1]![0]
    return Array.from({ length: n }, (_, k) => value + ((to - value) * k) / n)
  })
  return [...points, corners.at(-1)![0]]
}
