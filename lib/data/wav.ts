/** @file WAV files: the chunks are checked here, the samples decoded by wavefile (integers of 8 to 32 bits, floats, A-law, mu-law). */
import { createRequire } from 'node:module'
import { fail } from '../errors.ts'
import { freshArray } from './arrays.ts'
import type { Audio } from './audio.ts'

/** Format numbers of the WAVE standard. */
const PCM = 1
const FLOAT = 3
const A_LAW = 6
const MU_LAW = 7
const EXTENSIBLE = 0xfffe

interface WavFormat {
  readonly format: number
  readonly channels: number
  readonly sampleRate: number
  readonly blockAlign: number
  readonly bits: number
}

interface WavParts {
  readonly fmt: WavFormat
  readonly fmtBytes: Uint8Array
  readonly data: Uint8Array
}

/** The samples of a WAV file, -1 to 1, of at most `maxSeconds`. */
export function decodeWav(bytes: Uint8Array, name: string, maxSeconds: number): Audio {
  // Not import(): what that gives of this package differs between Node and the tools that run TypeScript.
  const { WaveFile } = createRequire(import.meta.url)('wavefile') as typeof import('wavefile')
  const parts = partsOf(bytes, name)
  const { channels, sampleRate, format } = parts.fmt
  const seconds = secondsOf(parts)
  if (seconds > maxSeconds)
    fail('FORMAT', 'readAudio', `${name}: is ${seconds.toFixed(1)} s long, ${maxSeconds} are allowed (maxSeconds).`)
  const wav = new WaveFile()
  wav.fromBuffer(rebuild(parts))
  if (format === A_LAW) wav.fromALaw()
  if (format === MU_LAW) wav.fromMuLaw()
  const [offset, scale] =
    SCALES[wav.bitDepth] ??
    fail('FORMAT', 'readAudio', `${name}: has samples of ${wav.bitDepth} bits, which are not read.`)
  const interleaved = wav.getSamples(true) as Float64Array
  const length = Math.floor(interleaved.length / channels)
  const samples = freshArray([channels, length], 'f32')
  for (let c = 0; c < channels; c++) {
    for (let t = 0; t < length; t++) samples.data[c * length + t] = (interleaved[t * channels + c]! - offset) * scale
  }
  return { samples, sampleRate }
}

/** Known before anything is decoded. */
const secondsOf = ({ fmt, data }: WavParts): number => data.length / fmt.blockAlign / fmt.sampleRate

/** Zero and step by wavefile's name of the sample type. */
const SCALES: Readonly<Record<string, readonly [offset: number, scale: number]>> = {
  '8': [128, 2 ** -7],
  '16': [0, 2 ** -15],
  '24': [0, 2 ** -23],
  '32': [0, 2 ** -31],
  '32f': [0, 1],
  '64': [0, 1],
}

/** The two chunks that matter, with sizes that are true. The others are never parsed: they can be made to take for ever. */
function partsOf(bytes: Uint8Array, name: string): WavParts {
  const refuse = (what: string): never => fail('FORMAT', 'readAudio', `${name}: ${what}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let fmtBytes: Uint8Array | null = null
  for (let at = 12; at + 8 <= bytes.length;) {
    const id = String.fromCharCode(...bytes.subarray(at, at + 4))
    const size = view.getUint32(at + 4, true)
    const chunk = bytes.subarray(at + 8, at + 8 + size)
    if (id === 'fmt ') {
      if (size < 16 || chunk.length < size) refuse('has a broken fmt chunk.')
      fmtBytes = chunk
    }
    if (id === 'data') {
      if (chunk.length < size) refuse(`says ${size} bytes of samples and has ${chunk.length}.`)
      if (!fmtBytes) return refuse('has its samples before their format.')
      return { fmt: formatOf(fmtBytes, refuse), fmtBytes, data: chunk }
    }
    at += 8 + size + (size % 2)
  }
  return refuse('has no samples.')
}

function formatOf(bytes: Uint8Array, refuse: (what: string) => never): WavFormat {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const declared = view.getUint16(0, true)
  // The extended form has the format's number at the beginning of a GUID.
  const format = declared === EXTENSIBLE && bytes.length >= 26 ? view.getUint16(24, true) : declared
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  const blockAlign = view.getUint16(12, true)
  const bits = view.getUint16(14, true)
  if (channels < 1 || channels > 64 || sampleRate < 1) refuse(`has ${channels} channels at ${sampleRate} Hz.`)
  const allowed: Readonly<Record<number, readonly number[]>> = {
    [PCM]: [8, 16, 24, 32],
    [FLOAT]: [32, 64],
    [A_LAW]: [8],
    [MU_LAW]: [8],
  }
  if (!allowed[format]?.includes(bits)) refuse(`is of format ${format} with ${bits} bits, which is not read.`)
  if (blockAlign !== (channels * bits) / 8) refuse('has a broken fmt chunk.')
  return { format, channels, sampleRate, blockAlign, bits }
}

/** A file of nothing but format and samples. */
function rebuild({ fmt, fmtBytes, data }: WavParts): Uint8Array {
  const whole = data.length - (data.length % fmt.blockAlign)
  const fmtSize = 16
  const out = new Uint8Array(12 + 8 + fmtSize + 8 + whole)
  const view = new DataView(out.buffer)
  const text = (at: number, id: string) => out.set(Buffer.from(id, 'latin1'), at)
  text(0, 'RIFF')
  view.setUint32(4, out.length - 8, true)
  text(8, 'WAVEfmt ')
  view.setUint32(16, fmtSize, true)
  out.set(fmtBytes.subarray(0, fmtSize), 20)
  view.setUint16(20, fmt.format, true)
  text(20 + fmtSize, 'data')
  view.setUint32(24 + fmtSize, whole, true)
  out.set(data.subarray(0, whole), 28 + fmtSize)
  return out
}
