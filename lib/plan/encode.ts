/** @file The plan format, version 1 (docs/plan.md): words for the native decoder, and the constants. */
import { arrayOf, bytesOf, codeOf, is64BitInteger } from '../dtype.ts'
import { check } from '../errors.ts'
import type { Operand } from '../graph/row.ts'
import { stridesOf } from '../shape.ts'
import type { Placement } from './passes/place.ts'
import { CONSTANT_SLOT, spaces } from './program.ts'
import type { Instr, MapProgram, Program } from './program.ts'

export const PLAN_MAGIC = 0x54454e4f
export const PLAN_VERSION = 1

/** Numbers of the kernels and of the functions of `map` in the addon that is loaded. */
export interface Codes {
  readonly kernels: ReadonlyMap<string, number>
  readonly functions: ReadonlyMap<string, number>
}

export interface Encoded {
  readonly words: Float64Array
  readonly constants: ArrayBuffer
}

export function encode(program: Program, placement: Placement, codes: Codes): Encoded {
  const views = new ViewTable()
  const blocks = program.blocks.map((block) => [
    block.length,
    ...block.flatMap((instr) => encodeInstr(instr, views, codes)),
  ])
  const { counts } = program
  const words = [
    ...[PLAN_MAGIC, PLAN_VERSION, 0, placement.arenaBytes],
    ...[counts.input, counts.output, counts.variable, counts.operand],
    ...[program.buffers.length, views.count, program.blocks.length],
  ]
  program.buffers.forEach((buffer, i) => {
    const position =
      buffer.space === 'arena'
        ? placement.offsets[i]!
        : buffer.space === 'constant'
          ? buffer.index * CONSTANT_SLOT
          : buffer.index
    words.push(
      spaces.indexOf(buffer.space),
      Math.max(position, 0),
      codeOf(buffer.dtype),
      position < 0 ? 0 : buffer.elements,
      0,
      0,
    )
  })
  return { words: Float64Array.from([...words, ...views.words, ...blocks.flat()]), constants: encodeConstants(program) }
}

/** Equal windows are written once. */
class ViewTable {
  readonly words: number[] = []
  readonly #ids = new Map<string, number>()

  get count(): number {
    return this.#ids.size
  }

  id({ buffer, offset, dims, strides }: Operand): number {
    // Strides of an empty window say nothing, and may be 0, which the engine refuses in a result.
    const steps = dims.includes(0) ? stridesOf(dims.map((size) => Math.max(size, 1))) : strides
    const words = [buffer, offset, dims.length, ...dims, ...steps]
    const key = words.join()
    let id = this.#ids.get(key)
    if (id === undefined) {
      this.#ids.set(key, (id = this.#ids.size))
      this.words.push(...words)
    }
    return id
  }
}

function encodeInstr(instr: Instr, views: ViewTable, codes: Codes): number[] {
  const opcode = codes.kernels.get(instr.kernel)
  check(opcode !== undefined, 'NATIVE', instr.op, () => `internal: the addon has no kernel '${instr.kernel}'.`)
  const ids = (operands: readonly Operand[]) => operands.map((operand) => views.id(operand))
  const lists = [ids(instr.outs), ids(instr.ins), ids(instr.epilogueIns)]
  const attrs = instr.map ? encodeMap(instr.map, codes) : [...instr.blocks, ...instr.attrs]
  const epilogue = instr.epilogue ? encodeMap(instr.epilogue, codes) : []
  const body = [...lists.flat(), ...attrs, ...epilogue]
  return [opcode, body.length + 7, ...lists.map((list) => list.length), attrs.length, epilogue.length, ...body]
}

function encodeMap({ steps, results }: MapProgram, codes: Codes): number[] {
  const words = [steps.length]
  for (const { fn, dtype, args } of steps) {
    const code = codes.functions.get(fn)
    check(code !== undefined, 'NATIVE', fn, () => `internal: the addon has no elementwise function '${fn}'.`)
    words.push(code, codeOf(dtype), args[0] ?? -1, args[1] ?? -1, args[2] ?? -1)
  }
  return [...words, ...results]
}

function encodeConstants({ constants }: Program): ArrayBuffer {
  const buffer = new ArrayBuffer(constants.length * CONSTANT_SLOT)
  constants.forEach(({ value, dtype }, i) => {
    const array = arrayOf(dtype, buffer, i * CONSTANT_SLOT, CONSTANT_SLOT / bytesOf(dtype)) as unknown as Record<
      number,
      number | bigint
    >
    array[0] = is64BitInteger(dtype) ? BigInt(value) : dtype === 'bool' ? Number(value !== 0) : narrowBits(value, dtype)
  })
  return buffer
}

/** f16 and bf16 constants as their bits; others as they are. */
function narrowBits(value: number, dtype: string): number {
  if (dtype === 'bf16') return bfloat16Bits(value)
  return dtype === 'f16' ? float16Bits(value) : value
}

function bfloat16Bits(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!
  if (Number.isNaN(value)) return 0x7fc0
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const x = Math.abs(value)
  if (x >= 65520) return sign | 0x7c00
  // Units of the last place: 2^-24 below 2^-14, else 2^(exponent - 10). Halves go to even.
  const exponent = x < 2 ** -14 ? -14 : Math.floor(Math.log2(x))
  const scaled = x / 2 ** (exponent - 10)
  let units = Math.floor(scaled)
  const rest = scaled - units
  if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++
  return sign | (x < 2 ** -14 ? units : (exponent + 14) * 1024 + units)
}
