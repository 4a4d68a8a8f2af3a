/** @file Hostile files of tensors. */
// timeout: 300
import { suite } from '../support/suite.ts'
import { gguf } from './formats/gguf.ts'
import { npy, npz } from './formats/numpy.ts'
import { mapped, safetensors, shards } from './formats/safetensors.ts'
import { torchLegacy, torchZip } from './formats/torch.ts'
import { fuzz } from './fuzz.ts'

fuzz(suite('hostile files of tensors'), [safetensors, mapped, shards, npy, npz, torchZip, torchLegacy, gguf])
