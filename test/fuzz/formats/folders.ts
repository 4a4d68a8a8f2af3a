/** @file Folders of several files: checkpoints, and models in Hugging Face's form. */
import { readdirSync, readFileSync } from 'node:fs'
import { accuracy, crossEntropy, models, nn, optim, Trainer } from '../../../lib/index.ts'
import { readCheckpoint } from '../../../lib/train/checkpoint.ts'
import { bytesOf, format } from '../format.ts'
import type { Files } from '../format.ts'
import { jsonChanged, pick } from '../mutate.ts'
import { readNumbers } from './reading.ts'
import { safetensorsChanged } from './safetensors.ts'

const fixtures = new URL('../../fixtures/', import.meta.url)

function folder(name: string, isWanted: (file: string) => boolean = () => true): Files {
  const url = new URL(`${name}/`, fixtures)
  const files = readdirSync(url).filter(isWanted)
  return Object.fromEntries(files.map((file) => [file, readFileSync(new URL(file, url))]))
}

export const checkpoint = format({
  name: 'checkpoint',
  lies: 'folder',
  good: [folder('checkpoint-v1')],
  mutate: (good, random) => {
    const name = random(3) ? 'checkpoint.json' : pick(Object.keys(good), random)
    const change = name.endsWith('.json') ? jsonChanged : safetensorsChanged
    return { ...good, [name]: change(bytesOf(good, name), random) }
  },
  open: ({ folder: path }) => readCheckpoint(path),
  use: async ({ tensors }, place) => {
    for (const found of Object.values(tensors)) readNumbers(found.values())
    const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 2))
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 })
    const schedule = optim.exponentialLR({ gamma: 0.5 })
    const trainer = new Trainer(model, { optimizer, loss: crossEntropy, metrics: { accuracy }, schedule })
    await trainer.load(place.folder)
    readNumbers(Array.from(model.stateDict().values(), (variable) => variable.read()))
  },
  // It is of another training.
  codes: { use: ['STATE'] },
})

/** One small model of each architecture, and heads. */
const architectures = [
  ...['bert', 'bert-classifier', 'clip', 'distilbert', 'gpt2', 'llama', 'mistral', 'qwen2', 'roberta', 't5', 'vit'],
  'whisper',
]
/** What configurations choose between. */
const CHOICES = [
  'gelu',
  'relu',
  'silu',
  'quick_gelu',
  'gelu_new',
  'llama',
  'gpt2',
  'bert',
  't5',
  'linear',
  'llama3',
  'vit',
]

export const huggingFace = format({
  name: 'hugging-face',
  lies: 'folder',
  good: architectures.map((name) => folder(`hf/${name}`, (file) => file !== 'expected.safetensors')),
  mutate: (good, random) => {
    const name = pick(['config.json', 'model.safetensors'], random)
    const bytes = bytesOf(good, name)
    const changed =
      name === 'config.json' ? jsonChanged(bytes, random, { texts: CHOICES }) : safetensorsChanged(bytes, random)
    return { ...good, [name]: changed }
  },
  open: ({ folder: path }) => models.fromPretrained(path),
  use: async (model) => readNumbers(Array.from(model.stateDict().values(), (variable) => variable.read())),
  // Tensors that do not fit the configuration.
  codes: { open: ['STATE'] },
})
