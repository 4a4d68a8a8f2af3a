/** @file Module: what layers and models are made of. Its public fields are how parameters are found; no arithmetic here. */
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { addHook } from './hooks.ts'
import type { BackwardHook, ForwardHook, ForwardPreHook, HookHandle } from './hooks.ts'
import { loadState } from './state-dict.ts'
import type { LoadOptions, LoadReport, State } from './state-dict.ts'
import { modelSummary } from './summary.ts'
import type { ModelSummary } from './summary.ts'

/** A module that takes one tensor and gives one: what Sequential chains. */
export type Layer = Module & { forward(x: Tensor): Tensor }

type Member = [name: string, value: Variable | Module]

/**
 * The base of every layer and model. Fields that are variables or modules, also in arrays and plain objects, make up its parameters,
 * buffers and children; their names are the fields' names joined by dots, as PyTorch has them (`layers.0.weight`). Private (`#`)
 * fields, Maps and Sets are not looked into.
 */
export abstract class Module {
  /** Names of fields in state dicts where they differ from the fields' own; '' leaves the field's name out. */
  static readonly stateNames: Readonly<Record<string, string>> = {}
  /** Whether dropout drops and batch normalisation uses the batch's statistics; see train() and eval(). */
  training = true

  abstract forward(...args: never[]): unknown

  /** Trainable variables, each once (tied weights too), own ones before those of children. */
  parameters(): Variable[] {
    return [...this.namedParameters().values()]
  }

  /** Trainable variables by name; a shared one under its first name. Gives names to variables that have none. */
  namedParameters(): Map<string, Variable> {
    return uniqueVariables(this, (variable) => variable.trainable)
  }

  /** Variables that are not trainable: running statistics, frozen weights. */
  buffers(): Variable[] {
    return [...this.namedBuffers().values()]
  }

  namedBuffers(): Map<string, Variable> {
    return uniqueVariables(this, (variable) => !variable.trainable)
  }

  /** Modules that are fields of this one. */
  children(): Module[] {
    return [...this.namedChildren().values()]
  }

  namedChildren(): Map<string, Module> {
    return new Map(membersOf(this).filter((member): member is [string, Module] => member[1] instanceof Module))
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    const found = new Set<Module>([this])
    // A set that grows is walked to its end.
    for (const module of found) for (const child of module.children()) found.add(child)
    return [...found]
  }

  /** Number of elements of all parameters. */
  get numParameters(): number {
    return this.parameters().reduce((n, { size }) => n + size, 0)
  }

  /** Sets `training` here and below. */
  train(training = true): this {
    for (const module of this.modules()) module.training = training
    return this
  }

  /** The mode for using the model: train(false). */
  eval(): this {
    return this.train(false)
  }

  /**
   * Whether gradients flow to the parameters here and below: false freezes them (they are buffers then), true thaws what was a
   * parameter when it was made.
   */
  requiresGrad(requiresGrad = true): this {
    for (const variable of this.stateDict().values()) if (variable.isParameter) variable.trainable = requiresGrad
    return this
  }

  /** `hook(module, args)` is called before each forward; what it returns are other arguments. */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return addHook(this, 'pre', hook)
  }

  /** `hook(module, args, output)` is called after each forward; what it returns is another output. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return addHook(this, 'post', hook)
  }

  /** `hook(module, gradInputs, gradOutputs)` is called when backward comes by; what it returns are other gradients by the inputs. */
  registerFullBackwardHook(hook: BackwardHook): HookHandle {
    return addHook(this, 'backward', hook)
  }

  /** Discards the gradients of all parameters. */
  zeroGrad(): void {
    for (const variable of this.parameters()) {
      variable.grad = null
      variable.gradRoots.clear()
    }
  }

  /** Every variable by name, trainable or not; the variables themselves, not copies. A shared one has all of its names. */
  stateDict(): Map<string, Variable> {
    return new Map(variablesOf(this, '', [this]))
  }

  /**
   * Writes variables by name, from tensors, variables or typed arrays (of the right length), cast to the variable's dtype. A name
   * that is missing or not known is a STATE error unless `strict` is false; another shape always is. After an error nothing has changed.
   * Of a shared variable one name is enough.
   */
  async loadStateDict(state: State, options: LoadOptions = {}): Promise<LoadReport> {
    return loadState(this.stateDict(), state, options)
  }

  /**
   * A table of what forward(...inputs) is made of, with parameters, operations and memory; shapes stand for zeros. Nothing is computed:
   * `console.log(String(model.summary([1, 28, 28])))`. See modelSummary.
   */
  summary(...inputs: readonly unknown[]): ModelSummary {
    return modelSummary(this, ...inputs)
  }

  /** What toString() shows between the parentheses. */
  extraRepr(): string {
    return ''
  }

  toString(): string {
    return show(this, [this])
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

function membersOf(module: Module): Member[] {
  const { stateNames } = module.constructor as typeof Module
  const found: Member[] = []
  for (const [field, value] of Object.entries(module)) {
    collect(found, Object.hasOwn(stateNames, field) ? stateNames[field]! : field, value, [])
  }
  return found
}

/** Finds variables and modules in a field's value; `inside`: the lists and objects around it. */
function collect(found: Member[], name: string, value: unknown, inside: readonly unknown[]): void {
  if (value instanceof Variable || value instanceof Module) found.push([name, value])
  else if (isContainer(value) && !inside.includes(value)) {
    const within = [...inside, value]
    const look = (item: unknown, key: string | number) => {
      // Not for each number of a long list.
      if (typeof item === 'object') collect(found, name ? `${name}.${key}` : String(key), item, within)
    }
    if (Array.isArray(value)) value.forEach(look)
    else for (const [key, item] of Object.entries(value)) look(item, key)
  }
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}

/** All variables by all their names; `path`: the modules around, so that a child may know its parent. */
function* variablesOf(module: Module, prefix: string, path: readonly Module[]): Generator<[string, Variable]> {
  const members = membersOf(module)
  for (const [name, member] of members) if (member instanceof Variable) yield [prefix + name, member]
  for (const [name, member] of members) {
    if (member instanceof Module && !path.includes(member))
      yield* variablesOf(member, name ? `${prefix}${name}.` : prefix, [...path, member])
  }
}

function uniqueVariables(module: Module, isWanted: (variable: Variable) => boolean): Map<string, Variable> {
  const seen = new Set<Variable>()
  const found = new Map<string, Variable>()
  for (const [name, variable] of variablesOf(module, '', [module])) {
    if (seen.has(variable) || !isWanted(variable)) continue
    seen.add(variable)
    found.set(name, variable)
    // A name that a part of the model gave is a suffix of the whole's.
    if (variable.name === '' || name.endsWith(`.${variable.name}`)) variable.name = name
  }
  return found
}

function show(module: Module, path: readonly Module[]): string {
  const { name } = module.constructor
  const extra = module.extraRepr()
  const parts = [...module.namedChildren()]
    .filter(([, child]) => !path.includes(child))
    .map(([field, child]) => `(${field}): ${show(child, [...path, child])}`)
  if (parts.length === 0) return `${name}(${extra})`
  const lines = (extra ? [extra, ...parts] : parts).map((part) => `  ${part.replaceAll('\n', '\n  ')}`)
  return `${name}(\n${lines.join('\n')}\n)`
}
