/** @file Control flow: cond is If, scan is Scan, whileLoop is Loop. Their functions are bodies that see the names around them. */
import { bodyOf, inlined, numCaptures, paramsOf } from '../export-body.ts'
import type { Value } from '../export-value.ts'
import { inputsOf } from './to.ts'
import type { Mappings, To } from './to.ts'

interface ControlAttrs {
  readonly outputs: readonly unknown[]
  readonly counts: readonly number[]
}

const outputsOf = (value: Value): true[] =>
  new Array<true>(value.fixed((a: ControlAttrs) => a.outputs.length)).fill(true)

/** Inputs: the condition, operands, captures of each branch. Branches read the operands by their names. */
const cond: To = (value, writer) => {
  const [n] = value.fixed((a: ControlAttrs) => a.counts) as [number]
  const [test, ...rest] = inputsOf(value, writer) as [string, ...string[]]
  const operands = rest.slice(0, n)
  const second = n + numCaptures(value, 0)
  const branch = (index: number, captures: readonly string[]) => ({
    graph: bodyOf(value, writer, [], () => inlined(value, writer, index, operands, captures)),
  })
  const attributes = { then_branch: branch(0, rest.slice(n)), else_branch: branch(1, rest.slice(second)) }
  return writer.addAll('If', [writer.add('Squeeze', [test])], attributes, outputsOf(value))
}

/** Inputs: states, sequences, captures. Scan needs a sequence to know when to end. */
const scan: To = (value, writer) => {
  const [numStates, numSequences] = value.fixed((a: ControlAttrs) => a.counts.slice(0, 2)) as [number, number]
  const given = inputsOf(value, writer)
  const first = numStates + numSequences
  const params = paramsOf(value, writer, 0)
  const names = params.map(({ name }) => name)
  const [sources, slices] = [given.slice(0, first), [...params]]
  if (numSequences === 0) {
    const n = writer.scalar(
      value.each((a: ControlAttrs) => a.counts[2]!),
      'i64',
      value,
    )
    sources.push(writer.add('Range', [writer.number(0, 'i64'), n, writer.number(1, 'i64')]))
    slices.push({ name: writer.free(`${writer.path}/scan_turn`), dtype: 'i64', shape: [] })
  }
  const body = bodyOf(value, writer, slices, () => inlined(value, writer, 0, names, given.slice(first)))
  const attributes = { body: { graph: body }, num_scan_inputs: Math.max(1, numSequences) }
  return writer.addAll('Scan', sources, attributes, outputsOf(value))
}

/** Inputs: the state, captures of the test and of the body. The body says whether to go on after it. */
const whileLoop: To = (value, writer) => {
  const [limit] = value.fixed((a: ControlAttrs) => a.counts) as [number]
  const outputs = outputsOf(value)
  const given = inputsOf(value, writer)
  const [state, captures] = [given.slice(0, outputs.length), given.slice(outputs.length)]
  const isOn = (names: readonly string[]) => writer.add('Squeeze', [inlined(value, writer, 0, names, captures)[0]!])
  const params = paramsOf(value, writer, 1)
  const name = (kind: string) => writer.free(`${writer.path}/whileLoop_${kind}`)
  const turn = { name: name('turn'), dtype: 'i64', shape: [] } as const
  const goes = { name: name('goes'), dtype: 'bool', shape: [] } as const
  const body = bodyOf(value, writer, [turn, goes, ...params], () => {
    const names = params.map((param) => param.name)
    const next = inlined(value, writer, 1, names, captures.slice(numCaptures(value, 0)))
    return [isOn(next), ...next]
  })
  return writer.addAll('Loop', [writer.number(limit, 'i64'), isOn(state), ...state], { body: { graph: body } }, outputs)
}

export const control: Mappings = { cond, scan, whileLoop }
