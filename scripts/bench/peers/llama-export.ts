/** @file Writes the model of gpt2_124m_generate, with PyTorch's numbers, as a GGUF file of f32: `llama-export.ts WORKLOAD FOLDER FILE`. */
import { loadSafetensors, saveGguf } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { tensorsFile } from './torch.ts'

const [name, folder, file] = process.argv.slice(2) as [string, string, string]

/** Of llama.cpp's, by the workload's. */
const names: readonly (readonly [from: RegExp, to: string])[] = [
  [/^tok\./, 'token_embd.'],
  [/^pos\./, 'position_embd.'],
  [/^ln\./, 'output_norm.'],
  [/^blocks\./, 'blk.'],
  [/\.ln_1\./, '.attn_norm.'],
  [/\.ln_2\./, '.ffn_norm.'],
  [/\.qkv\./, '.attn_qkv.'],
  [/\.proj\./, '.attn_output.'],
  [/\.up\./, '.ffn_up.'],
  [/\.down\./, '.ffn_down.'],
]

const [NORMAL, BYTE] = [1, 6]
const byteToken = (i: number): string => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`

const tensors = new Map<string, Tensor>()
for (const [key, tensor] of await loadSafetensors(tensorsFile(name, folder))) {
  if (!key.startsWith('batch.'))
    tensors.set(
      names.reduce((text, [from, to]) => text.replace(from, to), key),
      tensor,
    )
}
const [vocabulary, width] = tensors.get('token_embd.weight')!.shape as [number, number]
const numLayers = [...tensors.keys()].filter((key) => key.endsWith('.attn_qkv.weight')).length
await saveGguf(file, tensors, {
  metadata: {
    'general.architecture': 'gpt2',
    'general.name': name,
    'gpt2.context_length': tensors.get('position_embd.weight')!.shape[0]!,
    'gpt2.embedding_length': width,
    'gpt2.feed_forward_length': 4 * width,
    'gpt2.block_count': numLayers,
    'gpt2.attention.head_count': width / 64,
    'gpt2.attention.layer_norm_epsilon': { f32: 1e-5 },
    // Nothing is tokenised, but without names for its tokens node-llama-cpp does not load a model.
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': Array.from({ length: vocabulary }, (_, i) => (i < 256 ? byteToken(i) : `token${i}`)),
    'tokenizer.ggml.scores': new Float32Array(vocabulary),
    'tokenizer.ggml.token_type': Int32Array.from({ length: vocabulary }, (_, i) => (i < 256 ? BYTE : NORMAL)),
  },
})
console.log(JSON.stringify({ file }))
