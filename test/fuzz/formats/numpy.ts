/** @file npy and npz. */
import { bytesOf, format, one } from '../format.ts'
import { bytesChanged, EDGES, pick, textChanged } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { zipFile, zipItems } from '../zip-file.ts'
import { openBytes, readFile } from './reading.ts'

interface Npy {
  readonly descr: string
  readonly isFortran: boolean
  readonly shape: readonly number[]
  readonly bytes: number
}

function npyFile(
  { descr, isFortran, shape, bytes }: Npy,
  change: (text: string) => string = (text) => text,
): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = isFortran ? 'True' : 'False'
  const text = Buffer.from(change(`{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${sizes}), }\n`))
  const head = [0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, (text.length >> 8) & 255]
  return Buffer.concat([Uint8Array.from(head), text, new Uint8Array(bytes)])
}

const WIDTHS = { f: [2, 4, 8], i: [1, 2, 4, 8], u: [1, 2, 4, 8], b: [1] } as const
const DESCRIPTIONS = ['<f3', '|O', '<U4', '<c8', '>f4', '=i2', '<M8', '|V8', '', '<', 'f4']

/** One that is right. */
function madeNpy(random: Random): Npy {
  const kind = pick(['f', 'i', 'u', 'b'] as const, random)
  const width = pick(WIDTHS[kind], random)
  const shape = Array.from({ length: random(5) }, () => random(4))
  return {
    descr: `${pick(['<', '>', '|', '='], random)}${kind}${width}`,
    isFortran: random(2) === 1,
    shape,
    bytes: shape.reduce((n, size) => n * size, width),
  }
}

function npyChanged(random: Random): Uint8Array {
  const made = madeNpy(random)
  switch (random(10)) {
    case 0:
      return npyFile({ ...made, descr: pick(DESCRIPTIONS, random) })
    case 1:
      return npyFile({ ...made, shape: [...made.shape, pick(EDGES, random)] })
    case 2:
      return npyFile(made, (text) => textChanged(text, random))
    case 3:
      return bytesChanged(npyFile(made), random)
    default:
      return npyFile(made)
  }
}

const good: Npy = { descr: '<f4', isFortran: false, shape: [2, 3], bytes: 24 }

export const npy = format({
  name: 'npy',
  good: [one(npyFile(good)), one(npyFile({ ...good, descr: '>i8', isFortran: true, bytes: 48 }))],
  mutate: (file, random) => one(random(3) ? npyChanged(random) : bytesChanged(bytesOf(file), random)),
  open: openBytes,
  use: readFile,
})

const npzGood = zipFile(
  [
    { name: 'a.npy', data: npyFile(good) },
    { name: 'b.npy', data: npyFile({ ...good, descr: '>i8', bytes: 48 }) },
  ],
  false,
)

export const npz = format({
  name: 'npz',
  good: [one(npzGood)],
  mutate: (file, random) => {
    if (random(8) === 0) return one(bytesChanged(bytesOf(file), random))
    const items = zipItems(bytesOf(file))
    const [first, second] = [{ name: 'a.npy', data: npyChanged(random) }, pick(items, random)]
    const made = zipFile(random(2) ? [first, second] : [first], random(2) === 1)
    return one(random(8) ? made : bytesChanged(made, random))
  },
  open: openBytes,
  use: readFile,
})
