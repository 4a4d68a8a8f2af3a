/** @file Every optimiser and every schedule, stopped in the middle of an epoch and gone on with from the checkpoint: bit for bit the same. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { optim, Trainer, crossEntropy, manualSeed } from '../../lib/index.ts'
import type { Callback, Variable } from '../../lib/index.ts'
import { curve, newFolder, smallLoader, SmallModel, weightsOf } from '../support/small-training.ts'
import { suite } from '../support/suite.ts'

const test = suite('resume')

type AnyOptimizer = optim.Optimizer<{ lr: number }>
type Make = (params: Variable[]) => unknown

const makers: Record<string, Make> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: (p) => new optim.Adam(p, { lr: 0.01, amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.01 }),
  Adamax: (p) => new optim.Adamax(p, { lr: 0.01 }),
  NAdam: (p) => new optim.NAdam(p, { lr: 0.01 }),
  RAdam: (p) => new optim.RAdam(p, { lr: 0.01 }),
  RMSprop: (p) => new optim.RMSprop(p, { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p, { lr: 0.05, lrDecay: 0.1, initialAccumulatorValue: 0.1 }),
  Adadelta: (p) => new optim.Adadelta(p),
  ASGD: (p) => new optim.ASGD(p, { lr: 0.05, t0: 3 }),
  Rprop: (p) => new optim.Rprop(p),
  Adafactor: (p) => new optim.Adafactor(p),
  Lion: (p) => new optim.Lion(p, { lr: 1e-3 }),
  LAMB: (p) => new optim.LAMB(p, { lr: 0.01 }),
  Muon: (p) => new optim.Muon(p.filter(({ rank }) => rank === 2)),
}

const schedules: Record<string, () => optim.Schedule> = {
  stepLR: () => optim.stepLR({ stepSize: 2, by: 'step' }),
  multiStepLR: () => optim.multiStepLR({ milestones: [1] }),
  constantLR: () => optim.constantLR({ totalIters: 1 }),
  exponentialLR: () => optim.exponentialLR({ gamma: 0.9, by: 'step' }),
  linearLR: () => optim.linearLR({ by: 'step' }),
  polynomialLR: () => optim.polynomialLR({ totalIters: 30, by: 'step' }),
  lambdaLR: () => optim.lambdaLR((t) => 1 / (1 + t)),
  multiplicativeLR: () => optim.multiplicativeLR((t) => 1 - 1 / (t + 3), { by: 'step' }),
  cosineAnnealingLR: () => optim.cosineAnnealingLR({ tMax: 10, by: 'step' }),
  cosineAnnealingWarmRestarts: () => optim.cosineAnnealingWarmRestarts({ t0: 3, tMult: 2, by: 'step' }),
  cyclicLR: () => optim.cyclicLR({ baseLr: 1e-3, maxLr: 0.1, stepSizeUp: 3 }),
  oneCycleLR: () => optim.oneCycleLR({ totalSteps: 21, threePhase: true }),
  reduceLROnPlateau: () => optim.reduceLROnPlateau({ patience: 0, factor: 0.5 }),
  warmup: () => optim.warmup({ steps: 9, then: optim.reduceLROnPlateau({ patience: 0 }) }),
  sequentialLR: () =>
    optim.sequentialLR([optim.constantLR({ by: 'step' }), optim.exponentialLR({ gamma: 0.9, by: 'step' })], {
      milestones: [9],
      by: 'step',
    }),
  chainedScheduler: () =>
    optim.chainedScheduler([optim.reduceLROnPlateau({ patience: 0 }), optim.stepLR({ stepSize: 1 })]),
}

const folders: string[] = []
test.after(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })))

/** 7 steps an epoch; the checkpoint is from the middle of the second. */
async function checkResume(make: Make, schedule: optim.Schedule | null, again: optim.Schedule | null): Promise<void> {
  const folder = newFolder()
  folders.push(folder)
  const trainer = (own: optim.Schedule | null, save: boolean) => {
    manualSeed(11)
    const model = new SmallModel()
    return new Trainer(model, {
      optimizer: make(model.parameters()) as AnyOptimizer,
      loss: crossEntropy,
      ...(own && { schedule: own }),
      ...(save && { checkpoints: { dir: folder, everySteps: 10, keepLast: 5 } }),
    })
  }
  const momenta: number[] = []
  const watch: Callback = {
    onStepEnd: ({ optimizer }) => {
      const group = optimizer.paramGroups[0] as { betas?: number[]; momentum?: number }
      momenta.push(group.momentum ?? group.betas?.[0] ?? 0)
    },
  }
  const whole = trainer(schedule, true)
  const expected = curve(await whole.fit(smallLoader(), { epochs: 3, verbose: 0, callbacks: [watch] }))
  const all = momenta.splice(0)
  const resumed = trainer(again, false)
  const path = join(folder, 'step-00000010')
  const history = await resumed.fit(smallLoader(), { epochs: 3, verbose: 0, resume: path, callbacks: [watch] })
  assert.equal(curve(history), expected)
  assert.equal(momenta, all.slice(10))
  assert.is(await weightsOf(resumed), await weightsOf(whole))
}

test('the list has every optimiser of optim that a Trainer takes', () => {
  const others = ['Optimizer', 'LBFGS', 'SparseAdam', 'GradScaler', 'Scheduler', 'AveragedModel']
  const found = Object.entries(optim)
    .filter(([name, value]) => /^[A-Z]/.test(name) && typeof value === 'function' && !others.includes(name))
    .map(([name]) => name)
  assert.equal(found.sort(), Object.keys(makers).sort())
})

test('the list has every schedule', () => {
  const found = Object.keys(optim).filter((name) => /LR$|Plateau$|Restarts$|Scheduler$|^warmup$/.test(name))
  assert.equal(found.filter((name) => name !== 'Scheduler').sort(), Object.keys(schedules).sort())
})

for (const [name, make] of Object.entries(makers)) test(`${name}`, () => checkResume(make, null, null))
for (const [name, make] of Object.entries(schedules)) test(`${name}`, () => checkResume(makers.Adam!, make(), make()))
