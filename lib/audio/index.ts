/** @file The names of the namespace `audio`. */
export { Whisper } from './whisper.ts'
export type { TranscribeOptions } from './whisper.ts'
export type { WhisperConfig } from './whisper-config.ts'
export { WhisperFeatures } from './whisper-features.ts'
export type { Sound, WhisperFeaturesOptions } from './whisper-features.ts'
