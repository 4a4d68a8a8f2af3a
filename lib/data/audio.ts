/** @file Sound: WAV and FLAC files to [channels, samples], and folders of them. */
import { checkInteger, checkOptions, fail, TenonError } from '../errors.ts'
import { freshArray } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import { LabelledFiles } from './dataset.ts'
import { decodeFlac } from './flac.ts'
import { findClasses } from './folder.ts'
import { withSource } from './module-source.ts'
import { readWhole } from './read-file.ts'
import { decodeWav } from './wav.ts'

export interface Audio {
  /** [channels, samples], f32, -1 to 1. */
  readonly samples: NdArray
  /** Samples a second. */
  readonly sampleRate: number
}

export interface ReadAudioOptions {
  /** One channel, the mean of all. Default: false. */
  mono?: boolean
  /** A longer sound is refused. Default: 3600. */
  maxSeconds?: number
  /** A larger file is refused before it is read. Default: 1 GiB. */
  maxBytes?: number
}

export interface AudioFolderOptions extends ReadAudioOptions {
  /** Another rate in a file is an error. Default: any is taken. */
  sampleRate?: number
  /** Follow symbolic links that lead out of the folder. Default: false, they are errors. */
  followLinks?: boolean
}

/** One sound of a WAV or FLAC file; which of them, its first bytes say. FORMAT, naming the file, for one that is damaged or too long. */
export async function readAudio(path: string, options: ReadAudioOptions = {}): Promise<Audio> {
  checkOptions('readAudio', options, ['mono', 'maxSeconds', 'maxBytes'])
  const { mono = false, maxSeconds = 3600, maxBytes = 2 ** 30 } = options
  if (!(maxSeconds > 0)) fail('VALUE', 'readAudio', `maxSeconds must be above 0, got ${String(maxSeconds)}.`)
  const bytes = await readWhole('readAudio', path, checkInteger('readAudio', 'maxBytes', maxBytes, 0))
  const audio = await decode(path, bytes, maxSeconds)
  return mono ? { samples: mixed(audio.samples), sampleRate: audio.sampleRate } : audio
}

/** Sounds in folders that are named for their class: samples `[sound, class]`; `classes` has the names. */
export async function audioFolder(folder: string, options: AudioFolderOptions = {}): Promise<LabelledFiles> {
  checkOptions('audioFolder', options, ['mono', 'maxSeconds', 'maxBytes', 'sampleRate', 'followLinks'])
  const { followLinks, ...rest } = options
  const { files, labels, classes } = await findClasses('audioFolder', folder, {
    extensions: ['.wav', '.flac'],
    followLinks,
  })
  return audioFolderFrom({ files, labels: Int32Array.from(labels), classes, options: rest })
}

interface FolderFrom {
  readonly files: readonly string[]
  readonly labels: Int32Array
  readonly classes: readonly string[]
  readonly options: Omit<AudioFolderOptions, 'followLinks'>
}

/** @internal Also in a worker, which does not look through the folder again. */
export function audioFolderFrom(from: FolderFrom): LabelledFiles {
  const { sampleRate, ...read } = from.options
  const made = new LabelledFiles(from.files, from.labels, from.classes, async (file) => {
    const audio = await readAudio(file, read)
    if (sampleRate !== undefined && audio.sampleRate !== sampleRate) {
      fail('FORMAT', 'audioFolder', `${file}: has ${audio.sampleRate} samples a second, ${sampleRate} are expected.`)
    }
    return audio.samples
  })
  return withSource(made, { module: import.meta.url, name: 'audioFolderFrom', options: from })
}

async function decode(path: string, bytes: Uint8Array, maxSeconds: number): Promise<Audio> {
  const magic = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  try {
    if (magic.startsWith('fLaC')) return await decodeFlac(bytes, path, maxSeconds)
    if (magic.startsWith('RIFF') && magic.endsWith('WAVE')) return decodeWav(bytes, path, maxSeconds)
  } catch (error) {
    if (error instanceof TenonError) throw error
    throw new TenonError('FORMAT', 'readAudio', `${path}: cannot be decoded: ${(error as Error).message}.`, {
      cause: error,
    })
  }
  return fail('FORMAT', 'readAudio', `${path}: is neither WAV nor FLAC.`)
}

function mixed({ data, shape }: NdArray): NdArray {
  const [channels, length] = shape as [number, number]
  const out = freshArray([1, length], 'f32')
  for (let t = 0; t < length; t++) {
    let sum = 0
    for (let c = 0; c < channels; c++) sum += Number(data[c * length + t])
    out.data[t] = sum / channels
  }
  return out
}
