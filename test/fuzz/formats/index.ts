/** @file All formats that are read. */
import type { Format } from '../format.ts'
import { checkpoint, huggingFace } from './folders.ts'
import { gguf } from './gguf.ts'
import { ggufModel } from './gguf-model.ts'
import { flac, idx, wav } from './media.ts'
import { npy, npz } from './numpy.ts'
import { onnxExternal, onnxModels } from './onnx.ts'
import { mapped, safetensors, shards } from './safetensors.ts'
import { sentencePiece, tokenizerJson, vocabMerges, vocabTxt } from './tokenizers.ts'
import { torchLegacy, torchZip } from './torch.ts'

export const formats: readonly Format[] = [
  ...[safetensors, mapped, shards, npy, npz, torchZip, torchLegacy, gguf, ggufModel, checkpoint, huggingFace],
  ...[onnxModels, onnxExternal, tokenizerJson, vocabTxt, vocabMerges, sentencePiece, idx, wav, flac],
]
