/** @file PyTorch's files: what it wrote is read, what would have to be run is refused by name, descriptions that lie are. */
import { fileURLToPath } from 'node:url'
import { loadTorch, nn, openTorch } from 'tenon'
import type { Tensor, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { unpickle } from '../../lib/io/pickle.ts'
import { suite } from '../support/suite.ts'

const test = suite('torch')

const at = (name: string) => fileURLToPath(new URL(`../fixtures/torch/${name}`, import.meta.url))
const list = async (t: Tensor) => Array.from((await t.data()) as Float64Array, Number)

const ROWS = [0, 1, 2, 3, 4, 5].map((i) => [i, i + 6, i + 12, i + 18])
const EXPECTED: Record<string, [dtype: string, shape: number[], values: number[]]> = {
  whole: ['f32', [4, 6], Array.from({ length: 24 }, (_, i) => i)],
  transposed: ['f32', [6, 4], ROWS.flat()],
  part: ['f32', [2, 3], [8, 9, 10, 14, 15, 16]],
  column: ['f32', [4], [1, 7, 13, 19]],
  repeated: ['f32', [3, 2], [1.5, 2.5, 1.5, 2.5, 1.5, 2.5]],
  scalar: ['f64', [], [3.5]],
  empty: ['f32', [0, 3], []],
  half: ['f16', [2], [0.5, -2]],
  brain: ['bf16', [2], [0.5, -2]],
  longs: ['i64', [2], [2 ** 60, -1]],
  ints: ['i32', [2], [1, -2]],
  shorts: ['i16', [2], [1, -2]],
  chars: ['i8', [2], [1, -2]],
  bytes: ['u8', [2], [1, 254]],
  bools: ['bool', [2], [1, 0]],
  parameter: ['f32', [2], [1, 2]],
}

for (const name of ['zip.pt', 'legacy.pt']) {
  test(`${name}: every dtype, windows on shared storage, a parameter`, async () => {
    const tensors = await loadTorch(at(name))
    assert.equal([...tensors.keys()], Object.keys(EXPECTED))
    for (const [key, [dtype, shape, values]] of Object.entries(EXPECTED)) {
      const t = tensors.get(key)!
      assert.equal([t.dtype, t.shape, await list(t)], [dtype, shape, values], key)
    }
  })
}

test('a checkpoint: nested names, other values as metadata, a part of it', async () => {
  for (const name of ['checkpoint.pt', 'checkpoint4.pt']) {
    const file = await openTorch(at(name))
    assert.ok(file.tensors.has('state_dict.1.running_mean'))
    assert.equal([file.metadata.epoch, file.metadata.name, file.metadata.lr], [3, 'net', 0.5])
    await file.close()
    const state = await loadTorch(at(name), { key: 'state_dict' })
    await new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3)).loadStateDict(state, { strict: false })
    assert.equal(state.get('0.weight')!.shape, [3, 2])
  }
  const missing = await loadTorch(at('checkpoint.pt'), { key: 'model' }).catch((e: TenonError) => e)
  assert.match(String(missing), "has no 'model'; there are: epoch, name, lr, state_dict")
})

test('a whole model is refused by the name of its class', async () => {
  const error = (await openTorch(at('model.pt')).catch((e: TenonError) => e)) as TenonError
  assert.is(error.code, 'FORMAT')
  assert.match(error.message, 'torch.nn.modules.container.Sequential')
})

const text = (s: string) => [...new TextEncoder().encode(s)]
const PROGRAMS: [title: string, bytes: number[], phrase: string][] = [
  [
    'os.system',
    [0x80, 2, 0x63, ...text('os\nsystem\n'), 0x58, 2, 0, 0, 0, ...text('ls'), 0x85, 0x52, 0x2e],
    'names os.system',
  ],
  ['by a stacked name', [0x8c, 8, ...text('builtins'), 0x8c, 4, ...text('eval'), 0x93, 0x2e], 'names builtins.eval'],
  ['a name every object has', [0x63, ...text('torch\nconstructor\n'), 0x2e], 'names torch.constructor'],
  ['a call of a text', [0x8c, 1, 0x61, 0x29, 0x52, 0x2e], 'cannot be called'],
  ['INST', [0x28, 0x69, ...text('os\nsystem\n'), 0x2e], 'opcode 0x69'],
  ['NEWOBJ', [0x29, 0x29, 0x81, 0x2e], 'opcode 0x81'],
  ['EXT1', [0x82, 1, 0x2e], 'opcode 0x82'],
  ['a state of a list', [0x5d, 0x7d, 0x62, 0x2e], 'state is set'],
  ['a pickle that ends', [0x80, 2, 0x4b], '1 bytes are needed'],
  ['a text longer than the file', [0x58, 0xff, 0xff, 0xff, 0x7f, 0x61], 'are left'],
  ['an empty stack', [0x2e], 'nothing is left'],
  ['a tuple of too little', [0x4e, 0x87, 0x2e], 'too little'],
  ['no mark', [0x4e, 0x74, 0x2e], 'no mark'],
  ['nothing remembered', [0x68, 3, 0x2e], 'nothing is remembered'],
  ['a storage that is none', [0x4e, 0x51, 0x2e], 'no storage'],
]
for (const [title, bytes, phrase] of PROGRAMS) {
  test(`pickle: ${title}`, () => assert.throws(() => unpickle(Uint8Array.from(bytes)), phrase))
}

test('pickle: lists that hold themselves are held', () => {
  const { value } = unpickle(Uint8Array.from([0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e]))
  assert.is((value as unknown[])[0], value)
})
