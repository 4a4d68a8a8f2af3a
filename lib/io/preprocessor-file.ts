/** @file preprocessor.json of a model's folder: how pictures or sounds become what the model reads, in Hugging Face's words. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { configText, readConfigFile } from './model-config.ts'
import type { ConfigValues, ModelConfig } from './model-config.ts'
import { writeAside } from './write-aside.ts'

/** transformers reads and writes the second one, newer versions also the third, which has one part for each kind of input. */
const OWN = 'preprocessor.json'
const PUBLISHED = 'preprocessor_config.json'
const OF_PARTS = 'processor_config.json'

/** Reads the first of these files that a folder has. FORMAT when there is none. */
export async function readPreprocessor(
  folder: string,
  part: 'image_processor' | 'feature_extractor',
): Promise<ModelConfig> {
  for (const name of [OWN, PUBLISHED]) if (await isThere(join(folder, name))) return readConfigFile(join(folder, name))
  if (await isThere(join(folder, OF_PARTS))) return (await readConfigFile(join(folder, OF_PARTS))).part(part)
  return readConfigFile(join(folder, PUBLISHED))
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  )

/** Writes the first two, which say the same: one is tenon's form of a model's folder, the other transformers'. */
export async function savePreprocessor(folder: string, values: ConfigValues): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of [OWN, PUBLISHED]) await writeAside(join(folder, name), [configText(values)])
}
