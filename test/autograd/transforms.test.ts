/** @file vjp, jvp, jacobian, hessian and hvp against derivatives written by hand; gradcheck on right and on wrong rules. */
import * as assert from 'uvu/assert'
import {
  customGrad,
  gradcheck,
  gradgradcheck,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  matmul,
  sum,
  tensor,
  TenonError,
  vjp,
} from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('transforms')

const f64 = (values: number[], shape = [values.length]) => tensor(Float64Array.from(values), { shape })
const numbers = async (t: Tensor) => [...((await t.data()) as Float64Array)]
async function near(got: Tensor, want: number[], shape: number[]): Promise<void> {
  assert.equal([...got.shape], shape)
  const found = await numbers(got)
  const worst = Math.max(...found.map((x, i) => Math.abs(x - want[i]!)))
  assert.ok(found.length === want.length && worst < 1e-12, `${found}, wanted ${want}`)
}
/** y = (x0 x1, x1^2, sin x0). */
const curve = (x: Tensor) => {
  const [a, b] = [x.narrow(0, 0, 1), x.narrow(0, 1, 1)]
  return a
    .mul(b)
    .add(0)
    .mul(tensor([1, 0, 0], { dtype: 'f64' }))
    .add(b.square().mul(tensor([0, 1, 0], { dtype: 'f64' })))
    .add(a.sin().mul(tensor([0, 0, 1], { dtype: 'f64' })))
}
const at = [0.7, -1.3]
const J = [at[1]!, at[0]!, 0, 2 * at[1]!, Math.cos(at[0]!), 0]

test('jacobian: [...output, ...input], row by row', async () => {
  await near(jacobian(curve, f64(at)), J, [3, 2])
})

test('jacobian: a list of inputs gives a list; what the output does not depend on gives zeros', async () => {
  const x = f64([1, 2, 3, 4, 5, 6], [2, 3])
  const w = f64([1, -1, 2], [3, 1])
  const [dx, dw, dz] = jacobian((a, b) => matmul(a, b), [x, w, f64([9])])
  await near(dx!, [1, -1, 2, 0, 0, 0, 0, 0, 0, 1, -1, 2], [2, 1, 2, 3])
  await near(dw!, [1, 2, 3, 4, 5, 6], [2, 1, 3, 1])
  await near(dz!, [0, 0], [2, 1, 1])
})

test('vjp and jvp: v^T J and J v', async () => {
  const { value, grads } = vjp(curve, [f64(at)], f64([1, 2, 3]))
  await near(value, [at[0]! * at[1]!, at[1]! ** 2, Math.sin(at[0]!)], [3])
  await near(grads[0]!, [J[0]! + 3 * J[4]!, J[1]! + 2 * J[3]!], [2])
  const { tangent } = jvp(curve, [f64(at)], [f64([10, 1])])
  await near(tangent, [10 * J[0]! + J[1]!, J[3]!, 10 * J[4]!], [3])
})

test('jvp: several outputs, one of which depends on nothing', async () => {
  const { tangent } = jvp((x: Tensor) => [x.square(), f64([5])] as readonly Tensor[], [f64([3])], [f64([2])])
  await near(tangent[0]!, [12], [1])
  await near(tangent[1]!, [0], [1])
})

test('hessian and hvp: of x0^2 x1 + exp x1', async () => {
  const fn = (x: Tensor) => {
    const [a, b] = [x.narrow(0, 0, 1), x.narrow(0, 1, 1)]
    return sum(a.square().mul(b).add(b.exp()))
  }
  const H = [2 * at[1]!, 2 * at[0]!, 2 * at[0]!, Math.exp(at[1]!)]
  await near(hessian(fn, f64(at)), H, [2, 2])
  await near(hvp(fn, f64(at), f64([1, -2])), [H[0]! - 2 * H[1]!, H[2]! - 2 * H[3]!], [2])
})

test('jacobian: can be differentiated again', async () => {
  const d = grad((x) => sum(jacobian((t) => t.mul(t).mul(t), x)))
  await near(d(f64(at))[0]!, [6 * at[0]!, 6 * at[1]!], [2])
})

test('hessian: of a linear function is zeros', async () => {
  await near(
    hessian((x) => sum(x.mul(3)), f64(at)),
    [0, 0, 0, 0],
    [2, 2],
  )
})

const code = async (work: () => unknown): Promise<string> => {
  try {
    await work()
  } catch (error) {
    assert.instance(error, TenonError)
    return `${(error as TenonError).code} ${(error as TenonError).message}`
  }
  return 'none'
}

test('gradcheck: passes a right rule, names what a wrong one gets wrong', async () => {
  const x = f64([0.3, -0.8, 1.1, 0.2], [2, 2])
  assert.is(await gradcheck((a) => a.tanh().mul(a), [x]), true)
  assert.is(await gradgradcheck((a, b) => matmul(a.exp(), b), [x, x]), true)
  const wrong = customGrad(
    (a: Tensor) => a.square(),
    (dy, [a]) => [
      dy.mul(a).mul(
        tensor(
          [
            [2, 2],
            [2, 3],
          ],
          { dtype: 'f64' },
        ),
      ),
    ],
  )
  assert.match(
    await code(() => gradcheck(wrong, [x])),
    /GRADIENT gradcheck: the gradient of output 0 \[1, 1\] by input 0 \[1, 1\]/,
  )
  const flat = customGrad(
    (a: Tensor) => a.square(),
    (dy, [a]) => [dy.mul(a.detach()).mul(2)],
  )
  assert.is(await gradcheck(flat, [x]), true)
  assert.match(await code(() => gradgradcheck(flat, [x])), /GRADIENT gradgradcheck/)
})

test('inputs that cannot be differentiated by are refused', async () => {
  assert.match(await code(() => gradcheck((a) => a, [tensor([1])])), /DTYPE gradcheck: needs an input of dtype f64/)
  assert.match(await code(() => jvp((a) => a, [f64([1])], [f64([1, 2])])), /SHAPE jvp: tangent 0 must be f64 \[1\]/)
  assert.match(await code(() => vjp((a) => a, [f64([1])], [])), /VALUE vjp: needs 1 cotangents, got 0/)
  assert.match(await code(() => jacobian((a) => a, tensor([1n]))), /DTYPE jacobian/)
  assert.match(await code(() => hessian((a) => a, f64(at))), /SHAPE hessian: the function must give one number/)
  assert.match(await code(() => gradcheck((a) => a, [f64([1])], { epz: 1 } as object)), /OPTION gradcheck/)
})
