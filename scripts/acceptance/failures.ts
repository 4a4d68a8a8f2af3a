/**
 * @file Point 9, second half: a training step that fails half-way (a label out of range, a singular matrix) leaves every variable as
 * it was, also with steps queued behind it: the run ends bit for bit where one without the failing steps does.
 * `node --import tsx scripts/acceptance/failures.ts [--rounds N] [--steps N]`.
 */
import { parseArgs } from 'node:util'
import { crossEntropy, inverse, manualSeed, nn, optim, rand, tensor, TenonError } from '../../lib/index.ts'
import type { Tensor, Variable } from '../../lib/index.ts'
import { report } from './report.ts'

const [BATCH, CLASSES, SIZE] = [16, 5, 6]

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, steps: { type: 'string', default: '20' } },
})
const [rounds, steps] = [Number(values.rounds), Number(values.steps)]

/** Convolution, running statistics, and a matrix that may be singular. */
class Model extends nn.Module {
  conv = new nn.Conv2d(1, 4, 3, { padding: 1 })
  norm = new nn.BatchNorm2d(4)
  fc = new nn.Linear(4 * SIZE * SIZE, CLASSES)

  override forward(images: Tensor, matrix: Tensor): Tensor {
    const x = this.norm.forward(this.conv.forward(images)).relu().flatten(1)
    return this.fc.forward(x).mul(inverse(matrix).sum())
  }
}

type Kind = 'good' | 'label' | 'singular'
const expected: Record<Kind, string> = { good: 'done', label: 'INDEX', singular: 'SINGULAR' }

interface Step {
  readonly kind: Kind
  readonly images: Tensor
  readonly labels: Tensor
  readonly matrix: Tensor
}

let failures = 0
let wrongOutcomes = 0
let differing = 0
for (let round = 0; round < rounds; round++) {
  const plan = makeSteps(round)
  const mixed = await train(plan)
  const clean = await train(plan.filter(({ kind }) => kind === 'good'))
  failures += plan.filter(({ kind }) => kind !== 'good').length
  wrongOutcomes += mixed.outcomes.filter((outcome, i) => outcome !== expected[plan[i]!.kind]).length
  differing += mixed.variables.filter((hex, i) => hex !== clean.variables[i]).length
}
const bounds = [
  { name: 'wrongOutcomes', value: wrongOutcomes, most: 0 },
  { name: 'differingVariables', value: differing, most: 0 },
]
report('failures', bounds, { rounds, stepsEach: steps, failures })

/** A quarter of them fails, of each kind; the first is good, for it is the one that makes storage. */
function makeSteps(seed: number): Step[] {
  manualSeed(seed)
  const kinds: Kind[] = ['good', 'label', 'good', 'singular', 'good', 'good', 'good', 'good']
  return Array.from({ length: steps }, (_, i) => {
    const kind = i === 0 ? 'good' : kinds[(i * 5 + seed) % kinds.length]!
    const labels = BigInt64Array.from({ length: BATCH }, (__, k) => BigInt((k + i) % CLASSES))
    // Late in the batch, and once below zero.
    if (kind === 'label') labels[BATCH - 1] = i % 2 ? BigInt(CLASSES) : -1n
    const matrix =
      kind === 'singular'
        ? [
            [1, 2],
            [2, 4],
          ]
        : [
            [2, 1],
            [1, 3 + i],
          ]
    return { kind, images: rand([BATCH, 1, SIZE, SIZE]), labels: tensor(labels), matrix: tensor(matrix) }
  })
}

/** Submits all steps before any of them is done; then says how each ended and what every variable holds, momenta too. */
async function train(plan: readonly Step[]): Promise<{ outcomes: string[]; variables: string[] }> {
  manualSeed(1)
  const model = new Model()
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
  const runs = plan.map(({ images, labels, matrix }) => {
    crossEntropy(model.forward(images, matrix), labels).backward()
    return optimizer.step()
  })
  const outcomes = (await Promise.allSettled(runs)).map((run) =>
    run.status === 'fulfilled' ? 'done' : codeOf(run.reason),
  )
  const all = [...model.stateDict().values(), ...(optimizer.stateDict().tensors.values() as Iterable<Variable>)]
  return {
    outcomes,
    variables: await Promise.all(all.map(async (v) => Buffer.from((await v.data()).buffer).toString('hex'))),
  }
}

function codeOf(error: unknown): string {
  return error instanceof TenonError ? error.code : String(error)
}
