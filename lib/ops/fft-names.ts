/** @file The names of the namespace `fft`. */
export { fft, hfft, ifft, ihfft, irfft, rfft } from './fft.ts'
export type { FftNorm, FftOptions } from './fft.ts'
export {
  fft2,
  fftfreq,
  fftn,
  fftshift,
  ifft2,
  ifftn,
  ifftshift,
  irfft2,
  irfftn,
  rfft2,
  rfftfreq,
  rfftn,
} from './fft-axes.ts'
export type { FftAxesOptions, FrequencyOptions, ShiftOptions } from './fft-axes.ts'
