/** @file Hostile models: checkpoints, folders in Hugging Face's form, ONNX. */
// timeout: 300
import { suite } from '../support/suite.ts'
import { checkpoint, huggingFace } from './formats/folders.ts'
import { onnxExternal, onnxModels } from './formats/onnx.ts'
import { fuzz } from './fuzz.ts'

fuzz(suite('hostile models'), [checkpoint, huggingFace, onnxModels, onnxExternal])
