/** @file `tenon run`: a model on tensors from files, its outputs as a table, or in a file. */
import { stat } from 'node:fs/promises'
import { data, evaluate } from '../engine/evaluate.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { checkInput } from '../io/onnx/model.ts'
import { openTensors, saveTensors } from '../io/open-tensors.ts'
import { showShape } from '../shape.ts'
import { showSeconds } from '../units.ts'
import { listInputs, openRunnable } from './runnable.ts'
import type { Runnable } from './runnable.ts'
import { printable, tableOf } from './text-table.ts'

export interface RunOptions {
  /** Files of tensors in the order of the model's inputs, or 'name=file'. */
  readonly input?: readonly string[]
  /** A file for the outputs. */
  readonly output?: string
}

/** Outputs are shown by so many numbers. */
const SHOWN = 3

/** Prints what a model computes from the tensors in files. */
export async function run(path: string, { input = [], output }: RunOptions): Promise<void> {
  const model = await openRunnable(path, { weights: true })
  if (!model) return fail('VALUE', 'run', `takes an ONNX file or a folder with config.json, got ${path}.`)
  const given = await inputsFrom(model, input)
  checkInputs(model, given)
  const start = performance.now()
  const results = Object.entries(await model.run(given))
  await evaluate(...results.map(([, result]) => result))
  const seconds = (performance.now() - start) / 1000
  const rows = await Promise.all(results.map(([name, result]) => rowOf(name, result)))
  const head = ['output', 'dtype', 'shape', 'least', 'most', 'begins with']
  console.log(`${path}: ${showSeconds(seconds)}\n${tableOf([head, ...rows]).join('\n')}`)
  if (output === undefined) return
  await saveTensors(output, new Map(results))
  console.log(`the outputs: ${output}`)
}

/** The model's inputs from files; a file's tensors go by their names, a lone one to the next input that has none. */
async function inputsFrom(model: Runnable, texts: readonly string[]): Promise<Map<string, Tensor>> {
  const given = new Map<string, Tensor>()
  const names = model.inputs.map(({ name }) => name)
  const put = (name: string, value: Tensor) => {
    if (given.has(name)) fail('VALUE', 'run', `the input '${printable(name)}' is given twice.`)
    given.set(name, value)
  }
  const loose: [path: string, value: Tensor][] = []
  for (const text of texts) {
    const { name, path } = await parse(text, names)
    const file = await openTensors(path)
    try {
      const held = [...file.tensors.keys()]
      const known = held.filter((one) => names.includes(one))
      if (name !== null || (known.length === 0 && held.length === 1)) {
        if (held.length !== 1)
          fail(
            'VALUE',
            'run',
            `${path} holds ${held.length} tensors, which have names of their own. Pass it without '${name}='.`,
          )
        const value = await file.read(held[0]!)
        if (name === null) loose.push([path, value])
        else put(name, value)
        continue
      }
      if (known.length === 0)
        fail(
          'VALUE',
          'run',
          `${path} holds ${shownNames(held)}, none of which is an input. The model takes ${listInputs(model)}.`,
        )
      for (const one of known) put(one, await file.read(one))
      const others = held.filter((one) => !known.includes(one))
      if (others.length > 0) console.error(`${path}: not used: ${shownNames(others)}`)
    } finally {
      await file.close()
    }
  }
  for (const [path, value] of loose) {
    const next = names.find((name) => !given.has(name))
    if (next === undefined)
      return fail('VALUE', 'run', `there is no input for ${path}. The model takes ${listInputs(model)}.`)
    given.set(next, value)
  }
  return given
}

const shownNames = (names: readonly string[]): string =>
  printable(names.slice(0, 10).join(', ')) + (names.length > 10 ? ` and ${names.length - 10} more` : '')

/** 'name=file' where there is such an input; else a path, which may have = in it. */
async function parse(text: string, names: readonly string[]): Promise<{ name: string | null; path: string }> {
  const name = names.find((one) => text.startsWith(`${one}=`))
  if (name !== undefined) return { name, path: text.slice(name.length + 1) }
  const isThere = await stat(text).then(
    () => true,
    () => false,
  )
  if (!isThere && text.includes('='))
    fail(
      'VALUE',
      'run',
      `there is no input '${text.slice(0, text.indexOf('='))}'. There are: ${printable(names.join(', '))}.`,
    )
  return { name: null, path: text }
}

function checkInputs(model: Runnable, given: ReadonlyMap<string, Tensor>): void {
  const hint = ` The model takes ${listInputs(model)}.`
  const missing = model.inputs.filter(({ name, isOptional }) => !isOptional && !given.has(name))
  if (missing.length > 0)
    fail(
      'VALUE',
      'run',
      `no ${shownNames(missing.map(({ name }) => name))} is given.${hint} Pass --input name=file.npy.`,
    )
  const free = new Map<string, number>()
  for (const info of model.inputs) {
    const value = given.get(info.name)
    if (value) checkInput(info, value, free, { op: 'run', hint })
  }
}

async function rowOf(name: string, result: Tensor): Promise<string[]> {
  const numbers = Array.from(await data(result), Number)
  const [least, most] = numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity])
  const first = numbers.slice(0, SHOWN).map(shown).join(' ')
  const ends = numbers.length > 0 ? [shown(least!), shown(most!)] : ['', '']
  return [
    printable(name),
    result.dtype,
    showShape(result.shape),
    ...ends,
    first + (numbers.length > SHOWN ? ' ...' : ''),
  ]
}

/** Four digits tell what a number is about; --output keeps all. */
const shown = (x: number): string => String(Number.isInteger(x) ? x : Number(x.toPrecision(4)))
