/** @file Reads the part of Python's pickle format that a state dict is made of: dictionaries, lists, numbers, texts, and tensors as descriptions. It runs nothing: a pickle names functions to call, and only the few names in GLOBALS mean anything here, each worked out below; any other is an error with that name. Format: PEP 307, PEP 3154. */
import { dtypes } from '../dtype.ts'
import type { DType } from '../dtype.ts'

/** Elements of a storage of the file. */
export interface StorageRef {
  readonly kind: 'storage'
  readonly key: string
  /** Null: bytes without a type. */
  readonly dtype: DType | null
  /** Elements, or bytes without a type. */
  readonly length: number
}

/** A strided window on a storage. Nothing of it has been checked but the types. */
export interface TensorRef {
  readonly kind: 'tensor'
  readonly storage: StorageRef
  readonly dtype: DType
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

interface NamedRef {
  readonly kind: 'name'
  readonly name: string
}

/** What a pickle holds. Dictionaries are Maps, lists and tuples arrays. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | StorageRef
  | TensorRef
  | NamedRef

/** Where and why a pickle was refused. */
export class PickleError extends Error {}

export interface Unpickled {
  readonly value: Pickled
  /** Where the next pickle begins. */
  readonly end: number
}

/** Reads the pickle that begins at `start`. Throws PickleError. */
export function unpickle(bytes: Uint8Array, start = 0): Unpickled {
  return new Reader(bytes, start).run()
}

const STORAGES: Readonly<Record<string, DType>> = {
  ...{ DoubleStorage: 'f64', FloatStorage: 'f32', HalfStorage: 'f16', BFloat16Storage: 'bf16', LongStorage: 'i64' },
  ...{ IntStorage: 'i32', ShortStorage: 'i16', CharStorage: 'i8', ByteStorage: 'u8', BoolStorage: 'bool' },
}
const TORCH_DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'f64', float32: 'f32', float16: 'f16', bfloat16: 'bf16', int64: 'i64', int32: 'i32', int16: 'i16' },
  ...{ int8: 'i8', uint64: 'u64', uint32: 'u32', uint16: 'u16', uint8: 'u8', bool: 'bool' },
}

type Rule = (reader: Reader, args: readonly Pickled[]) => Pickled

/** All that may be called. */
const CALLS: Readonly<Record<string, Rule>> = {
  'collections.OrderedDict': (reader, [pairs = []]) => reader.dictOf(pairs),
  'torch.Size': (reader, [sizes = []]) => reader.listOf(sizes),
  'torch._utils._rebuild_tensor': (reader, [storage, offset, shape, strides]) =>
    reader.tensor(storage, offset, shape, strides, null),
  'torch._utils._rebuild_tensor_v2': (reader, [storage, offset, shape, strides]) =>
    reader.tensor(storage, offset, shape, strides, null),
  'torch._utils._rebuild_tensor_v3': (reader, [storage, offset, shape, strides, , , dtype]) =>
    reader.tensor(storage, offset, shape, strides, dtype ?? null),
  'torch._utils._rebuild_parameter': (reader, [data]) => reader.parameter(data),
  'torch.nn.parameter.Parameter': (reader, [data]) => reader.parameter(data),
  'torch.device': (reader, [type]) => reader.text(type),
}

/** Names that stand for themselves. */
const isConstant = (name: string): boolean => storageDType(name) !== undefined || torchDType(name) !== undefined

function storageDType(name: string): DType | null | undefined {
  if (name === 'torch.storage.UntypedStorage' || name === 'torch.UntypedStorage') return null
  const type = name.startsWith('torch.') ? name.slice(6) : ''
  return Object.hasOwn(STORAGES, type) ? STORAGES[type] : undefined
}

function torchDType(name: string): DType | undefined {
  const type = name.startsWith('torch.') ? name.slice(6) : ''
  return Object.hasOwn(TORCH_DTYPES, type) ? TORCH_DTYPES[type] : undefined
}

const isKind = (value: Pickled | undefined, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number
  /** Where the opcode under way begins. */
  #opcodeAt = 0
  #stack: Pickled[] = []
  /** The stacks below each mark. */
  readonly #marks: Pickled[][] = []
  readonly #memo = new Map<number, Pickled>()

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
  }

  run(): Unpickled {
    for (;;) {
      this.#opcodeAt = this.#at
      const opcode = this.#take(1).getUint8(0)
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at } // STOP
      const step = STEPS.get(opcode)
      if (!step) this.refuse(`the opcode 0x${opcode.toString(16)} is not one that a state dict needs`)
      else step(this)
    }
  }

  refuse(what: string): never {
    throw new PickleError(`at byte ${this.#opcodeAt} of the pickle, ${what}`)
  }

  /** The next bytes; they are there. */
  #take(n: number): DataView {
    if (n > this.#bytes.length - this.#at)
      this.refuse(`${n} bytes are needed but ${this.#bytes.length - this.#at} are left`)
    const view = new DataView(this.#view.buffer, this.#view.byteOffset + this.#at, n)
    this.#at += n
    return view
  }

  u8 = () => this.#take(1).getUint8(0)
  u16 = () => this.#take(2).getUint16(0, true)
  u32 = () => this.#take(4).getUint32(0, true)
  i32 = () => this.#take(4).getInt32(0, true)
  u64 = () => Number(this.#take(8).getBigUint64(0, true))
  f64 = () => this.#take(8).getFloat64(0)
  skip = (n: number) => void this.#take(n)

  bytes(n: number): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.#take(n)
    return new Uint8Array(buffer, byteOffset, byteLength)
  }

  string(n: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(n))
    } catch (error) {
      if (error instanceof PickleError) throw error
      return this.refuse('a text is not UTF-8')
    }
  }

  /** Up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) return this.refuse('a name does not end')
    const text = this.string(end - this.#at)
    this.#at++
    return text
  }

  /** A signed integer of n bytes. */
  long(n: number): number | bigint {
    let value = 0n
    const digits = this.bytes(n)
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!)
    value = BigInt.asIntN(8 * n, value)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  push(value: Pickled): void {
    this.#stack.push(value)
  }

  #pop(): Pickled {
    const value = this.#stack.pop()
    return value === undefined ? this.refuse('nothing is left on the stack') : value
  }

  pops(n: number): Pickled[] {
    if (this.#stack.length < n) this.refuse('too little is left on the stack')
    return this.#stack.splice(this.#stack.length - n)
  }

  mark(): void {
    this.#marks.push(this.#stack)
    this.#stack = []
  }

  /** What was pushed since the last mark. */
  sinceMark(): Pickled[] {
    const items = this.#stack
    this.#stack = this.#marks.pop() ?? this.refuse('there is no mark')
    return items
  }

  #top(): Pickled {
    const value = this.#stack[this.#stack.length - 1]
    return value === undefined ? this.refuse('nothing is on the stack') : value
  }

  put(key: number): void {
    this.#memo.set(key, this.#top())
  }

  memoize(): void {
    this.put(this.#memo.size)
  }

  get(key: number): void {
    const value = this.#memo.get(key)
    this.push(value === undefined ? this.refuse(`nothing is remembered as ${key}`) : value)
  }

  append(items: readonly Pickled[]): void {
    const list = this.#top()
    if (!Array.isArray(list)) return this.refuse('something is appended to what is no list')
    for (const item of items) list.push(item)
  }

  setItems(items: readonly Pickled[]): void {
    const dict = this.#top()
    if (!(dict instanceof Map) || items.length % 2 !== 0) return this.refuse('items are set of what is no dictionary')
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!)
  }

  global(module: Pickled, name: Pickled): void {
    if (typeof module !== 'string' || typeof name !== 'string') return this.refuse('a global has no name')
    const full = `${module}.${name}`
    if (!Object.hasOwn(CALLS, full) && !isConstant(full)) {
      this.refuse(
        `it names ${full}, which is no part of a state dict; nothing of a file is ever run. Save model.state_dict() in PyTorch`,
      )
    }
    this.push({ kind: 'name', name: full })
  }

  stackGlobal(): void {
    const [module, name] = this.pops(2)
    this.global(module!, name!)
  }

  reduce(): void {
    const [callee, args] = this.pops(2)
    const name = isKind(callee, 'name') ? (callee as NamedRef).name : ''
    if (!Object.hasOwn(CALLS, name) || !Array.isArray(args)) return this.refuse(`${name || 'a value'} cannot be called`)
    this.push(CALLS[name]!(this, args))
  }

  /** The only objects with a state of their own are ordered dictionaries, which carry `_metadata`: nothing that is needed. */
  build(): void {
    this.#pop()
    if (!(this.#top() instanceof Map)) this.refuse('a state is set of what is no dictionary')
  }

  /** ('storage', type, key, location, length[, view]). */
  persistent(): void {
    const id = this.#pop()
    if (!Array.isArray(id) || id[0] !== 'storage') return this.refuse('it refers to something that is no storage')
    const [, type, key, , length, view = null] = id
    const dtype = isKind(type, 'name') ? storageDType((type as NamedRef).name) : undefined
    if (dtype === undefined || typeof key !== 'string' || !isSize(length) || view !== null)
      return this.refuse('it refers to a storage that is not described as they are')
    this.push({ kind: 'storage', key, dtype, length })
  }

  tensor(
    storage: Pickled | undefined,
    offset: Pickled | undefined,
    shape: Pickled | undefined,
    strides: Pickled | undefined,
    named: Pickled,
  ): TensorRef {
    if (
      !isKind(storage, 'storage') ||
      !isSize(offset) ||
      !isSizes(shape) ||
      !isSizes(strides) ||
      shape.length !== strides.length
    )
      return this.refuse('a tensor is not described as they are')
    const ref = storage as StorageRef
    const dtype = isKind(named, 'name') ? torchDType((named as NamedRef).name) : ref.dtype
    if (!dtype || !dtypes.includes(dtype)) return this.refuse('a tensor has no dtype that is known')
    return { kind: 'tensor', storage: ref, dtype, offset, shape, strides }
  }

  parameter(data: Pickled | undefined): Pickled {
    return isKind(data, 'tensor') ? data! : this.refuse('a parameter is made of no tensor')
  }

  text(value: Pickled | undefined): string {
    return typeof value === 'string' ? value : this.refuse('a device has no name')
  }

  listOf(value: Pickled): Pickled[] {
    return Array.isArray(value) ? value : this.refuse('a size is made of no list')
  }

  dictOf(pairs: Pickled): Map<Pickled, Pickled> {
    const isPairs = Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2)
    return isPairs ? new Map(pairs as [Pickled, Pickled][]) : this.refuse('a dictionary is made of no pairs')
  }
}

const isSize = (value: Pickled | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isSizes = (value: Pickled | undefined): value is number[] => Array.isArray(value) && value.every(isSize)

/** By opcode; the names are those of Python's pickletools. */
const STEPS: ReadonlyMap<number, (reader: Reader) => void> = new Map([
  [0x80, (r) => r.skip(1)], // PROTO
  [0x95, (r) => r.skip(8)], // FRAME
  [0x4e, (r) => r.push(null)], // NONE
  [0x88, (r) => r.push(true)], // NEWTRUE
  [0x89, (r) => r.push(false)], // NEWFALSE
  [0x4a, (r) => r.push(r.i32())], // BININT
  [0x4b, (r) => r.push(r.u8())], // BININT1
  [0x4d, (r) => r.push(r.u16())], // BININT2
  [0x8a, (r) => r.push(r.long(r.u8()))], // LONG1
  [0x47, (r) => r.push(r.f64())], // BINFLOAT
  [0x58, (r) => r.push(r.string(r.u32()))], // BINUNICODE
  [0x8c, (r) => r.push(r.string(r.u8()))], // SHORT_BINUNICODE
  [0x8d, (r) => r.push(r.string(r.u64()))], // BINUNICODE8
  [0x54, (r) => r.push(r.string(r.u32()))], // BINSTRING, of Python 2
  [0x55, (r) => r.push(r.string(r.u8()))], // SHORT_BINSTRING
  [0x42, (r) => r.push(r.bytes(r.u32()))], // BINBYTES
  [0x43, (r) => r.push(r.bytes(r.u8()))], // SHORT_BINBYTES
  [0x28, (r) => r.mark()], // MARK
  [0x5d, (r) => r.push([])], // EMPTY_LIST
  [0x29, (r) => r.push([])], // EMPTY_TUPLE
  [0x7d, (r) => r.push(new Map())], // EMPTY_DICT
  [0x74, (r) => r.push(r.sinceMark())], // TUPLE
  [0x85, (r) => r.push(r.pops(1))], // TUPLE1
  [0x86, (r) => r.push(r.pops(2))], // TUPLE2
  [0x87, (r) => r.push(r.pops(3))], // TUPLE3
  [0x61, (r) => r.append(r.pops(1))], // APPEND
  [0x65, (r) => r.append(r.sinceMark())], // APPENDS
  [0x73, (r) => r.setItems(r.pops(2))], // SETITEM
  [0x75, (r) => r.setItems(r.sinceMark())], // SETITEMS
  [0x71, (r) => r.put(r.u8())], // BINPUT
  [0x72, (r) => r.put(r.u32())], // LONG_BINPUT
  [0x94, (r) => r.memoize()], // MEMOIZE
  [0x68, (r) => r.get(r.u8())], // BINGET
  [0x6a, (r) => r.get(r.u32())], // LONG_BINGET
  [0x63, (r) => r.global(r.line(), r.line())], // GLOBAL
  [0x93, (r) => r.stackGlobal()], // STACK_GLOBAL
  [0x51, (r) => r.persistent()], // BINPERSID
  [0x52, (r) => r.reduce()], // REDUCE
  [0x62, (r) => r.build()], // BUILD
])
