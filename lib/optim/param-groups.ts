/** @file Parameters in groups that share options: reading what an optimiser is given, and checking it. */
import { check, checkOptions, fail } from '../errors.ts'
import { Variable } from '../graph/variable.ts'
import { showShape } from '../shape.ts'

/** Parameters that share options. Options may be changed at any time; a changed number compiles nothing. */
export type ParamGroup<O> = O & { readonly params: readonly Variable[] }

/** What an optimiser is made for: parameters, or groups of them with options of their own. */
export type Params<O> = Iterable<Variable> | Iterable<Partial<O> & { readonly params: Iterable<Variable> }>

/** The groups, with all options. */
export function groupsOf<O>(name: string, params: Params<O>, defaults: O): ParamGroup<O>[] {
  check(
    typeof (params as Iterable<unknown>)?.[Symbol.iterator] === 'function',
    'VALUE',
    name,
    () => 'needs a list of parameters: model.parameters().',
  )
  const given = [...(params as Iterable<Variable | (Partial<O> & { params: Iterable<Variable> })>)]
  check(given.length > 0, 'VALUE', name, () => 'the list of parameters is empty. Is the model without fields?')
  const isFlat = given.every((item) => item instanceof Variable)
  const groups = isFlat ? [{ params: given }] : given
  return groups.map((group) => {
    check(
      typeof group === 'object' && group !== null && 'params' in group,
      'VALUE',
      name,
      () => 'takes variables, or groups { params, ...options }, not both.',
    )
    const { params: own, ...options } = group as Partial<O> & { params: Iterable<Variable> }
    checkOptions(name, options, Object.keys(defaults as object))
    const list = [...own]
    for (const param of list)
      check(param instanceof Variable, 'VALUE', name, () => `parameters are variables, got ${String(param)}.`)
    return { ...defaults, ...defined(options), params: list } as unknown as ParamGroup<O>
  })
}

/** Options without those that are undefined. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** A group's options. */
export function optionsOf<O>({ params, ...options }: ParamGroup<O>): O {
  void params
  return options as unknown as O
}

/** What errors call a parameter. */
export const describe = ({ name, shape }: Variable) => (name ? `'${name}' ${showShape(shape)}` : showShape(shape))

/** The same for several options at once; of a list every number. `below` by name. */
export function checkNumbers(op: string, options: object, below: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(below)) {
    const value = (options as Record<string, unknown>)[name]
    if (Array.isArray(value)) value.forEach((x: number, i) => checkNumber(op, `${name}[${i}]`, x, limit))
    else checkNumber(op, name, value as number, limit)
  }
}

/** Throws VALUE unless the number is >= 0 (and, with a limit, below it). */
export function checkNumber(op: string, name: string, value: number, below = Infinity): void {
  if (typeof value === 'number' && value >= 0 && (value < below || below === Infinity)) return
  fail('VALUE', op, `${name} must be ${below === Infinity ? '>= 0' : `in [0, ${below})`}, got ${String(value)}.`)
}
