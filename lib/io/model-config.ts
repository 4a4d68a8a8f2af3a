/** @file ModelConfig: config.json of a model's folder, as Hugging Face writes it. It may say anything until it has been read. */
import { join } from 'node:path'
import { isActivationName } from '../nn/activation-by-name.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'
import { fileSource, refuse } from './source.ts'

const MAX_CONFIG_BYTES = 10_000_000
/** No width, vocabulary or length is larger, and no number of layers: each is made before the weights are looked at. */
const MAX_SIZE = 2 ** 27
const MAX_LAYERS = 1000

export type ConfigValues = Readonly<Record<string, unknown>>

/** Reads config.json in a folder. FORMAT when there is none, or when it is no object. */
export const readModelConfig = (folder: string): Promise<ModelConfig> => readConfigFile(join(folder, 'config.json'))

/** Reads a file of that form. */
export async function readConfigFile(path: string): Promise<ModelConfig> {
  const source = await fileSource('config', path)
  try {
    if (source.size > MAX_CONFIG_BYTES) refuse(source, `has ${source.size} bytes, too many for a configuration.`)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.size))
    const values: unknown = JSON.parse(text)
    if (!isObject(values)) return refuse(source, 'is no JSON object.')
    return new ModelConfig(source.name, values)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError)
      return refuse(source, `is not JSON: ${error.message}.`)
    throw error
  } finally {
    await source.close()
  }
}

/** The entries of a configuration, each checked when it is asked for. An entry that is absent or null has its default. */
export class ModelConfig {
  readonly path: string
  readonly values: ConfigValues

  constructor(path: string, values: ConfigValues) {
    this.path = path
    this.values = values
  }

  /** Throws FORMAT with the file's name. */
  refuse(what: string): never {
    return refuse({ op: 'config', name: this.path }, what)
  }

  /** An integer of [low, high]; without `fallback` it must be there. */
  integer(name: string, fallback?: number, low = 1, high = MAX_SIZE): number {
    const value = this.#entry(name, fallback)
    const isInside = Number.isInteger(value) && (value as number) >= low && (value as number) <= high
    return isInside
      ? (value as number)
      : this.refuse(`${name} must be an integer in [${low}, ${high}], got ${shown(value)}.`)
  }

  /** A number of layers. */
  layers(name: string, fallback?: number): number {
    const n = this.integer(name, fallback)
    return n <= MAX_LAYERS ? n : this.refuse(`${name} must be at most ${MAX_LAYERS}, got ${n}.`)
  }

  number(name: string, fallback?: number): number {
    const value = this.#entry(name, fallback)
    if (typeof value === 'number' && Number.isFinite(value)) return value
    return this.refuse(`${name} must be a number, got ${shown(value)}.`)
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#entry(name, fallback)
    return typeof value === 'boolean' ? value : this.refuse(`${name} must be true or false, got ${shown(value)}.`)
  }

  text(name: string, fallback?: string): string {
    const value = this.#entry(name, fallback)
    return typeof value === 'string' ? value : this.refuse(`${name} must be a text, got ${shown(value)}.`)
  }

  activation(name: string, fallback: ActivationName): ActivationName {
    const value = this.text(name, fallback)
    return isActivationName(value) ? value : this.refuse(`${name} '${value}' is not an activation that tenon knows.`)
  }

  /** A list of `length` numbers. */
  numbers(name: string, length: number, fallback: readonly number[]): readonly number[] {
    const value = this.#entry(name, fallback)
    const isList = Array.isArray(value) && value.length === length && value.every(Number.isFinite)
    return isList ? (value as number[]) : this.refuse(`${name} must be ${length} numbers, got ${shown(value)}.`)
  }

  /** The configuration inside this one; empty where it is absent. */
  part(name: string): ModelConfig {
    const value = this.values[name] ?? {}
    if (!isObject(value)) return this.refuse(`${name} must be an object, got ${shown(value)}.`)
    return new ModelConfig(`${this.path}, ${name}`, value)
  }

  /** The class that the weights were saved from, '' where it is not told. */
  architecture(): string {
    const { architectures } = this.values
    const first: unknown = Array.isArray(architectures) ? architectures[0] : ''
    return typeof first === 'string' ? first : this.refuse('architectures must be a list of names.')
  }

  /** How many classes a head tells: num_labels, or as many as have names. Default: 2, as in transformers. */
  labels(): number {
    const { values } = this.part('id2label')
    return this.integer('num_labels', Object.keys(values).length || 2)
  }

  /** The same with other entries. */
  with(values: ConfigValues): ModelConfig {
    return new ModelConfig(this.path, { ...this.values, ...values })
  }

  /** Refuses what would compute something else than tenon does: an entry that is neither absent nor one of `known`. */
  only(name: string, ...known: readonly unknown[]): void {
    const value = this.values[name] ?? null
    if (value === null || known.includes(value)) return
    this.refuse(
      `${name} ${shown(value)} is not something that tenon computes; it knows ${known.map(shown).join(', ')}.`,
    )
  }

  #entry(name: string, fallback: unknown): unknown {
    return (Object.hasOwn(this.values, name) ? this.values[name] : null) ?? fallback
  }
}

/** Entries that are fractions by their name. transformers 5 refuses 1 where it wants 1.0, which is one number in JavaScript. */
const WHOLE_FRACTION =
  /^( *"\w*(?:dropout(?:_rate|_prob)?|layerdrop|pdrop|_prob|_eps|_epsilon|factor|_range|_std|_theta|_value)": -?\d+)(?=,?$)/gm

/** The text of such a file. */
export const configText = (values: ConfigValues): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(values, null, 2).replace(WHOLE_FRACTION, '$1.0')}\n`)

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 100))

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
