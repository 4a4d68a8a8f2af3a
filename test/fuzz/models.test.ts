/** @file Hostile models: checkpoints, folders in Hugging Face's form, GGUF, ONNX. */
// timeout: 300
import { suite } from '../support/suite.ts'
import { checkpoint, huggingFace } from './formats/folders.ts'
import { ggufModel } from './formats/gguf-model.ts'
import { onnxExternal, onnxModels } from './formats/onnx.ts'
import { fuzz } from './fuzz.ts'

fuzz(suite('hostile models'), [checkpoint, huggingFace, ggufModel, onnxModels, onnxExternal])
