/** @file What is changed in files: bytes of any format, values of JSON and of messages. The numbers decide; the same ones change the same. */
import { randomNumbers } from '../support/arrays.ts'

/** An integer below. */
export type Random = (below: number) => number

/** Of one mutant: it can be made again without those before it. */
export function randomOf(seed: number, mutant: number): Random {
  const next = randomNumbers(Math.imul(seed, 0x9e3779b1) ^ Math.imul(mutant + 1, 0x85ebca6b))
  return (below) => Math.floor(next() * below)
}

export const pick = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!

/** Numbers that headers trip over. */
export const EDGES: readonly number[] = [
  ...[
    0,
    1,
    2,
    3,
    7,
    8,
    31,
    32,
    127,
    128,
    255,
    256,
    10_000,
    65535,
    65536,
    2 ** 20,
    2 ** 27,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
  ],
  ...[2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64 - 1],
]

const SIGNED: readonly number[] = [...EDGES, -1, -2, -(2 ** 31), -(2 ** 62), 0.5, 1e-8, 1e308, -1e308]

const TEXTS: readonly string[] = [
  ...['', ' ', 'a', 'x', 'y', '\0', 'é', '你好', '\ud800', '▁', '##', '\uffff', '__proto__', 'constructor', 'toString'],
  ...['../outside.bin', '/etc/hostname', '..', '.', './a', 'C:\\a', 'a/b', 'a'.repeat(300)],
]

/** Bytes changed, numbers overwritten, ranges copied, dropped, doubled or cut: of any format. */
export function bytesChanged(file: Uint8Array, random: Random): Uint8Array {
  if (file.length === 0) return Uint8Array.of(random(256))
  const bytes = Uint8Array.from(file)
  const at = random(bytes.length)
  const end = Math.min(bytes.length, at + 1 + random(16))
  switch (random(7)) {
    case 0:
      bytes[at] = random(256)
      return bytes
    case 1:
      bytes[at]! ^= 1 << random(8)
      return bytes
    case 2: {
      const width = pick([1, 2, 4, 8], random)
      let value = BigInt(pick(EDGES, random))
      for (let i = 0; i < width && at + i < bytes.length; i++, value >>= 8n) bytes[at + i] = Number(value & 255n)
      return bytes
    }
    case 3:
      return bytes.subarray(0, at)
    case 4:
      bytes.copyWithin(at, random(bytes.length), random(bytes.length))
      return bytes
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    default:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
  }
}

/** Bytes from one place on overwritten, as many as there were: of numbers that may be any. */
export function bytesFilled(file: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(file)
  const [at, value] = [random(bytes.length), random(256)]
  for (let i = at; i < Math.min(bytes.length, at + 1 + random(32)); i++) bytes[i] = random(2) ? value : random(256)
  return bytes
}

type Holder = Record<string, unknown>

interface Options {
  /** Whether a value may get another type. Default: true. */
  anyType?: boolean
  /** Texts that mean something there. */
  texts?: readonly string[]
  /** Where not to look. */
  skip?: (key: string) => boolean
}

/** One value somewhere below `root` is changed, dropped or doubled, in place. */
export function valueChanged(root: object, random: Random, options: Options = {}): void {
  const places = placesIn(root, options.skip ?? (() => false))
  const place = pick(places, random)
  if (!place) return
  const [holder, key] = place
  const value = holder[key]
  const { anyType = true, texts = [] } = options
  const change = random(8)
  if (anyType && change === 0) holder[key] = structuredClone(copied(pick(places, random)))
  else if (anyType && change === 1) holder[key] = pick<unknown>([null, true, false, [], {}, 0, -1, '', [0]], random)
  else if (change === 2) dropped(holder, key)
  else if (!anyType && isRecord(value)) dropped(holder, key)
  else holder[key] = other(value, random, [...TEXTS, ...texts])
}

const copied = ([holder, key]: [Holder, string]): unknown => holder[key]

/** Those of long lists of numbers are not all looked at. */
function placesIn(root: object, skip: (key: string) => boolean): [Holder, string][] {
  const places: [Holder, string][] = []
  const visit = (value: object, depth: number): void => {
    if (value instanceof Uint8Array || depth > 12) return
    for (const key of Object.keys(value)) {
      if (skip(key)) continue
      places.push([value as Holder, key])
      const inner = (value as Holder)[key]
      if (typeof inner === 'object' && inner !== null) visit(inner, depth + 1)
    }
  }
  visit(root, 0)
  return places
}

function dropped(holder: Holder, key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else Reflect.deleteProperty(holder, key)
}

const isRecord = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** Another value of the same type. */
function other(value: unknown, random: Random, texts: readonly string[]): unknown {
  if (typeof value === 'number') return random(2) ? pick(SIGNED, random) : value + pick([-1, 1, 2, -value * 2], random)
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return textChanged(value, random, texts)
  if (value instanceof Uint8Array) return bytesChanged(value, random)
  if (Array.isArray(value)) return listChanged(value, random)
  if (isRecord(value)) return objectChanged(value, random, texts)
  return pick(SIGNED, random)
}

export function textChanged(value: string, random: Random, texts: readonly string[] = TEXTS): string {
  const at = random(value.length + 1)
  switch (random(4)) {
    case 0:
      return value.slice(0, at) + pick(texts, random) + value.slice(at + random(3))
    case 1:
      return value.slice(0, at) + value.slice(at + 1 + random(4))
    case 2:
      return value + value
    default:
      return pick(texts, random)
  }
}

export function listChanged<T>(list: readonly T[], random: Random): T[] {
  const at = random(list.length + 1)
  switch (random(4)) {
    case 0:
      return [...list, ...list]
    case 1:
      return list.slice(0, at)
    case 2:
      return list.length > 0 ? [...list.slice(0, at), pick(list, random), ...list.slice(at)] : []
    default: {
      const swapped = [...list]
      const to = random(list.length)
      if (at < list.length) [swapped[at], swapped[to]] = [swapped[to]!, swapped[at]!]
      return swapped
    }
  }
}

function objectChanged(value: Holder, random: Random, texts: readonly string[]): Holder {
  const entries = Object.entries(value)
  if (entries.length === 0) return { [pick(texts, random)]: 0 }
  const [[key, inner]] = [pick(entries, random)]
  const renamed = random(2) ? pick(texts, random) : pick(entries, random)[0]
  // '__proto__' becomes a key, as JSON.parse has it.
  return Object.fromEntries(entries.map((entry) => (entry[0] === key ? [renamed, inner] : entry))) as Holder
}

/** A JSON text with one or more values changed, or else its bytes. */
export function jsonChanged(bytes: Uint8Array, random: Random, options: Options = {}): Uint8Array {
  if (random(10) === 0) return bytesChanged(bytes, random)
  const box = { root: JSON.parse(new TextDecoder().decode(bytes)) as unknown }
  for (let i = random(3); i >= 0; i--) {
    const hasParts = typeof box.root === 'object' && box.root !== null
    valueChanged(hasParts && random(20) > 0 ? (box.root as object) : box, random, options)
  }
  return new TextEncoder().encode(JSON.stringify(box.root))
}
