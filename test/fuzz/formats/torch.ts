/** @file PyTorch's files: archives, and the older form. */
import { readFileSync } from 'node:fs'
import { bytesOf, format, one } from '../format.ts'
import type { Files } from '../format.ts'
import { bytesChanged, bytesFilled } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { integerChanged, opcodesChanged, opcodesOf } from '../pickle-file.ts'
import { zipFile, zipItems } from '../zip-file.ts'
import { openBytes, readFile } from './reading.ts'

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/torch/${name}`, import.meta.url))

/** Not packed, so that it can be taken apart. */
const archive = (name: string): Files => one(zipFile(zipItems(fixture(name)), false))

/** What is inside of an archive mutated, the archive itself right. */
function inside(file: Uint8Array, random: Random): Uint8Array {
  const items = zipItems(file)
  const pickle = items.findIndex(({ name }) => name.endsWith('data.pkl'))
  const chosen = random(4) ? pickle : random(items.length)
  const changed = items.map((item, i) => {
    if (i !== chosen) return item
    const change = random(3) ? opcodesChanged : integerChanged
    const isCode = i === pickle && random(8) > 0
    const data = isCode ? Buffer.concat(change(opcodesOf(item.data), random)) : bytesChanged(item.data, random)
    return { ...item, data }
  })
  return zipFile(changed, random(4) === 0)
}

export const torchZip = format({
  name: 'torch-zip',
  good: [archive('zip.pt'), archive('checkpoint.pt'), archive('checkpoint4.pt')],
  mutate: (good, random) => one((random(8) ? inside : bytesChanged)(bytesOf(good), random)),
  open: openBytes,
  use: readFile,
})

/** Magic number, version, machine, content, keys. */
const NUM_PICKLES = 5
const legacy = fixture('legacy.pt')
const opcodes = opcodesOf(legacy, NUM_PICKLES)
const isEnd = (opcode: Uint8Array) => opcode[0] === 0x2e
const third = opcodes.findIndex((_, i) => opcodes.slice(0, i).filter(isEnd).length === 3)
const storages = legacy.subarray(opcodes.reduce((n, { length }) => n + length, 0))

export const torchLegacy = format({
  name: 'torch-legacy',
  good: [one(legacy)],
  mutate: (good, random) => {
    if (random(16) === 0) return one(bytesChanged(bytesOf(good), random))
    const change = random(6) ? integerChanged : opcodesChanged
    const changed = random(4) ? [...opcodes.slice(0, third), ...change(opcodes.slice(third), random)] : opcodes
    const rest = changed === opcodes ? (random(4) ? bytesFilled : bytesChanged)(storages, random) : storages
    return one(Buffer.concat([...changed, rest]))
  },
  open: openBytes,
  use: readFile,
})
