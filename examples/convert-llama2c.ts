/**
 * @file A checkpoint of llama2.c (stories15M.bin and its like, versions 0 and 1) becomes a model's folder that `models.fromPretrained` and
 * transformers read: `npx tsx examples/convert-llama2c.ts CHECKPOINT FOLDER [--tokenizer FILE] [--tokens N]`. With a tokenizer of llama2.c
 * the model tells a story, always the likeliest next word.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { models, saveTensors, tensor, text } from 'tenon'
import type { Tensor } from 'tenon'

const option = { type: 'string' } as const
const { values, positionals } = parseArgs({ options: { tokenizer: option, tokens: option }, allowPositionals: true })
const [checkpoint, folder] = positionals
if (checkpoint === undefined || folder === undefined) throw new Error('needs a checkpoint and a folder to write')

const bytes = new Uint8Array(readFileSync(checkpoint))
const view = new DataView(bytes.buffer)
const [MAGIC, NAMES] = [0x616b3432, ['dim', 'hidden', 'layers', 'heads', 'keyHeads', 'vocab', 'positions'] as const]
if (bytes.length < 256) throw new Error(`${checkpoint}: has ${bytes.length} bytes, too few for a checkpoint`)
const isVersion1 = view.getUint32(0, true) === MAGIC
if (isVersion1 && view.getInt32(4, true) !== 1) throw new Error(`${checkpoint}: is of a version other than 0 and 1`)
const sizes = NAMES.map((_, i) => view.getInt32((isVersion1 ? 8 : 0) + 4 * i, true))
// A negative vocabulary says that the head has weights of its own.
const isTied = isVersion1 ? bytes[36] !== 0 : sizes[5]! > 0
sizes[5] = Math.abs(sizes[5]!)
if (!sizes.every((n) => n > 0 && n < 2 ** 24))
  throw new Error(`${checkpoint}: has impossible sizes, ${sizes.join(', ')}`)
const [dim, hidden, layers, heads, keyHeads, vocab, positions] = sizes as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]
const headDim = dim / heads
const keyDim = headDim * keyHeads

/** The parts of the file, in its order: what they are, and the shape of one layer's. */
const norms: [string, number[]][] = [
  ['input_layernorm', [dim]],
  ['post_attention_layernorm', [dim]],
]
const matrices: [string, number[]][] = [
  ['self_attn.q_proj', [dim, dim]],
  ['self_attn.k_proj', [keyDim, dim]],
  ['self_attn.v_proj', [keyDim, dim]],
  ['self_attn.o_proj', [dim, dim]],
]
const feedForward: [string, number[]][] = [
  ['mlp.gate_proj', [hidden, dim]],
  ['mlp.down_proj', [dim, hidden]],
  ['mlp.up_proj', [hidden, dim]],
]
const [table, last]: [string, number[]][] = [
  ['embed_tokens', [vocab, dim]],
  ['norm', [dim]],
]
const parts = isVersion1
  ? [...norms, last, table, ...matrices, ...feedForward]
  : [table, norms[0]!, ...matrices, norms[1]!, ...feedForward, last]

let at = isVersion1 ? 256 : 28
const state = new Map<string, Tensor>()
for (const [name, shape] of parts) {
  const isOnce = name === table[0] || name === last[0]
  for (let layer = 0; layer < (isOnce ? 1 : layers); layer++)
    state.set(isOnce ? `model.${name}.weight` : `model.layers.${layer}.${name}.weight`, halved(name, next(shape)))
}
// Version 0 has tables of sines and cosines there.
if (!isVersion1) at += 4 * positions * headDim
if (!isTied) state.set('lm_head.weight', next([vocab, dim]))
if (at !== bytes.length) throw new Error(`${checkpoint}: its sizes make ${at} bytes, but it has ${bytes.length}`)

function next(shape: readonly number[]): Tensor {
  const n = shape.reduce((a, b) => a * b)
  if (n > (bytes.length - at) / 4) throw new Error(`${checkpoint}: ends at byte ${bytes.length}, more is needed`)
  const numbers = new Float32Array(bytes.buffer.slice(at, at + 4 * n))
  at += 4 * n
  return tensor(numbers, { shape, transfer: true })
}

/** llama2.c turns the rows 2 i and 2 i + 1 of a head by one angle, the published form i and i + headDim / 2. */
function halved(name: string, weight: Tensor): Tensor {
  if (!/[qk]_proj$/.test(name)) return weight
  const [rows, columns] = weight.shape as [number, number]
  return weight
    .reshape([rows / headDim, headDim / 2, 2, columns])
    .transpose(1, 2)
    .reshape([rows, columns])
}

mkdirSync(folder, { recursive: true })
await saveTensors(join(folder, 'model.safetensors'), state)
const config = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', torch_dtype: 'float32', hidden_act: 'silu' },
  ...{ hidden_size: dim, intermediate_size: hidden, num_hidden_layers: layers, num_attention_heads: heads },
  ...{ num_key_value_heads: keyHeads, vocab_size: vocab, max_position_embeddings: positions, rms_norm_eps: 1e-5 },
  ...{ rope_theta: 10000, tie_word_embeddings: isTied, bos_token_id: 1, eos_token_id: 2 },
}
writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
console.log(`${folder}: ${state.size} tensors, ${layers} layers of ${dim}, vocabulary of ${vocab}`)

if (values.tokenizer) {
  const pieces = readPieces(readFileSync(values.tokenizer))
  const model = await models.fromPretrained<text.Llama>(folder)
  const ids: number[] = []
  const maxNewTokens = Number(values.tokens ?? Math.min(200, positions - 1))
  for await (const id of text.generate(model, [1], { maxNewTokens, stop: [1, 2] })) ids.push(id)
  const story = Buffer.concat(ids.map((id) => pieces[id]!))
    .toString('utf8')
    .replace(/^ /, '')
  console.log(`tokens: ${ids.join(' ')}\n${story}`)
}

/** The tokenizer's file: the longest length, then score, length and bytes of each token; '<0x0A>' stands for a byte. */
function readPieces(file: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let from = 4; from < file.length;) {
    const length = file.readInt32LE(from + 4)
    const piece = file.subarray(from + 8, from + 8 + length)
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece.toString('latin1'))
    pieces.push(byte ? Buffer.from(byte[1]!, 'hex') : piece)
    from += 8 + length
  }
  return pieces
}
