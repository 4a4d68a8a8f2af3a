/** @file Pickles for mutants: taken apart into opcodes, some of which are changed, so that most of it can still be read. */
import { EDGES, listChanged, pick } from './mutate.ts'
import type { Random } from './mutate.ts'

/** Bytes behind an opcode; of the others there are none. */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 0x80: 1, 0x95: 8, 0x4a: 4, 0x4b: 1, 0x4d: 2, 0x47: 8, 0x71: 1, 0x72: 4, 0x68: 1, 0x6a: 4 },
}
/** Bytes of the length that follows an opcode, and then so many more. */
const COUNTED: Readonly<Record<number, number>> = {
  ...{ 0x8a: 1, 0x58: 4, 0x8c: 1, 0x8d: 8, 0x54: 4, 0x55: 1, 0x42: 4, 0x43: 1 },
}
const GLOBAL = 0x63
const STOP = 0x2e
const [BININT, BININT1, BININT2, LONG1, SHORT_UNICODE, BINUNICODE] = [0x4a, 0x4b, 0x4d, 0x8a, 0x8c, 0x58]

/** The opcodes of `count` pickles, one after the other, each with what belongs to it. */
export function opcodesOf(bytes: Uint8Array, count = 1): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0, left = count; left > 0;) {
    const opcode = bytes[at]!
    let end = at + 1 + (FIXED[opcode] ?? 0)
    const width = COUNTED[opcode]
    if (width !== undefined) end += width + Buffer.from(bytes).readUIntLE(end, Math.min(width, 6))
    if (opcode === GLOBAL) end = bytes.indexOf(0x0a, bytes.indexOf(0x0a, at) + 1) + 1
    found.push(bytes.subarray(at, end))
    if (opcode === STOP) left--
    at = end
  }
  return found
}

/** One opcode or more exchanged, dropped, doubled, or with another operand. */
export function opcodesChanged(opcodes: readonly Uint8Array[], random: Random): Uint8Array[] {
  let changed = [...opcodes]
  for (let i = random(3); i >= 0; i--) {
    const at = random(changed.length)
    const opcode = changed[at]
    if (!opcode) return changed
    const choice = random(8)
    if (choice === 0) changed = listChanged(changed, random)
    else if (choice === 1) changed.splice(at, 1)
    else if (choice === 2) changed.splice(at, 0, pick(changed, random))
    else if (choice === 3) changed[at] = pick(changed, random)
    else changed[at] = isInteger(opcode) ? integer(random) : otherOperand(opcode, random)
  }
  return changed
}

const isInteger = (opcode: Uint8Array): boolean => [BININT, BININT1, BININT2, LONG1].includes(opcode[0]!)

/** One integer gets another value, mostly a smaller one: windows of other sizes, which often fit. */
export function integerChanged(opcodes: readonly Uint8Array[], random: Random): Uint8Array[] {
  const at = pick(
    opcodes.flatMap((opcode, i) => (isInteger(opcode) ? [i] : [])),
    random,
  )
  return opcodes.map((opcode, i) => (i === at ? Uint8Array.of(BININT1, random(4)) : opcode))
}

/** Small ones are likely sizes, strides and offsets. */
function integer(random: Random): Uint8Array {
  if (random(2)) return Uint8Array.of(BININT1, random(2) ? random(8) : random(256))
  const bytes = Buffer.alloc(10)
  bytes.set([LONG1, 8])
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(pick(EDGES, random))), 2)
  return bytes
}

function otherOperand(opcode: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(opcode)
  const isText = [BINUNICODE, SHORT_UNICODE].includes(opcode[0]!)
  const from = isText ? 1 + COUNTED[opcode[0]!]! : 1
  if (bytes.length > from) bytes[from + random(bytes.length - from)] = isText ? 48 + random(10) : random(256)
  return bytes
}
