/** @file FLAC files, decoded by libFLAC in WebAssembly (@wasm-audio-decoders/flac), piece by piece, so that a limit holds. */
import { fail } from '../errors.ts'
import { freshArray } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import type { Audio } from './audio.ts'

/** A frame of a few bytes can stand for 65,535 samples: so little is given to the decoder before the total is looked at. */
const PIECE_BYTES = 1 << 13

interface StreamInfo {
  readonly sampleRate: number
  readonly channels: number
  readonly bits: number
  /** 0: not known. */
  readonly totalSamples: number
}

/** The samples of a FLAC file, -1 to 1, of at most `maxSeconds`. */
export async function decodeFlac(bytes: Uint8Array, name: string, maxSeconds: number): Promise<Audio> {
  const refuse = (what: string): never => fail('FORMAT', 'readAudio', `${name}: ${what}`)
  const { sampleRate, channels, bits, totalSamples } = streamInfo(bytes, refuse)
  const checkLength = (length: number) => {
    if (length > maxSeconds * sampleRate)
      refuse(`is ${(length / sampleRate).toFixed(1)} s long or more, ${maxSeconds} are allowed (maxSeconds).`)
  }
  checkLength(totalSamples)
  const { FLACDecoder } = await import('@wasm-audio-decoders/flac')
  const decoder = new FLACDecoder()
  await decoder.ready
  try {
    const pieces: Float32Array[][] = []
    let length = 0
    const take = (decoded: Awaited<ReturnType<typeof decoder.decode>>) => {
      if (decoded.errors.length > 0) refuse(`cannot be decoded: ${decoded.errors[0]!.message}.`)
      if (decoded.samplesDecoded === 0) return
      if (decoded.channelData.length !== channels)
        refuse(`changes from ${channels} to ${decoded.channelData.length} channels.`)
      length += decoded.samplesDecoded
      checkLength(length)
      pieces.push(decoded.channelData)
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      take(await decoder.decode(bytes.subarray(at, at + PIECE_BYTES)))
    take(await decoder.flush())
    if (length === 0 || (totalSamples > 0 && length !== totalSamples))
      refuse(`says ${totalSamples} samples and has ${length}.`)
    return { samples: joined(pieces, channels, length, 2 ** (bits - 1)), sampleRate }
  } finally {
    decoder.free()
  }
}

/** The decoder divides by the largest integer; a step here is 1 / full, as in WAV files. Exact up to 24 bits. */
function joined(pieces: readonly Float32Array[][], channels: number, length: number, full: number): NdArray {
  const samples = freshArray([channels, length], 'f32')
  let at = 0
  for (const piece of pieces) {
    const size = piece[0]!.length
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < size; t++) samples.data[c * length + at + t] = Math.round(piece[c]![t]! * (full - 1)) / full
    }
    at += size
  }
  return samples
}

/** The block that every FLAC file begins with (RFC 9639, 8.2). */
function streamInfo(bytes: Uint8Array, refuse: (what: string) => never): StreamInfo {
  if (bytes.length < 42 || (bytes[4]! & 0x7f) !== 0) refuse('does not begin as a FLAC file does.')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = view.getUint32(18)
  const sampleRate = word >>> 12
  if (sampleRate === 0) refuse('has a sample rate of 0.')
  return {
    sampleRate,
    channels: ((word >>> 9) & 7) + 1,
    bits: ((word >>> 4) & 31) + 1,
    totalSamples: (word & 15) * 2 ** 32 + view.getUint32(22),
  }
}
