/** @file Fourier transforms and windows. PyTorch takes real tensors where tenon takes complex ones; the cases' tensors are all real. */
import { complex, fft } from '../../../../lib/index.ts'
import * as tenon from '../../../../lib/index.ts'
import type { Args, Calls } from '../adapter.ts'

const one = ({ n, dim, norm }: Args) => ({ n, axis: dim, norm })
const several = ({ s, dim, norm }: Args) => ({ s, axes: dim, norm })

export const calls: Calls = {
  'torch.fft.fft': (a) => fft.fft(complex(a.input!), one(a)),
  'torch.fft.ifft': (a) => fft.ifft(complex(a.input!), one(a)),
  'torch.fft.rfft': (a) => fft.rfft(a.input!, one(a)),
  'torch.fft.irfft': (a) => fft.irfft(complex(a.input!), one(a)),
  'torch.fft.hfft': (a) => fft.hfft(complex(a.input!), one(a)),
  'torch.fft.ihfft': (a) => fft.ihfft(a.input!, one(a)),
  'torch.fft.fft2': (a) => fft.fft2(complex(a.input!), several(a)),
  'torch.fft.ifft2': (a) => fft.ifft2(complex(a.input!), several(a)),
  'torch.fft.fftn': (a) => fft.fftn(complex(a.input!), several(a)),
  'torch.fft.ifftn': (a) => fft.ifftn(complex(a.input!), several(a)),
  'torch.fft.rfft2': (a) => fft.rfft2(a.input!, several(a)),
  'torch.fft.rfftn': (a) => fft.rfftn(a.input!, several(a)),
  'torch.fft.irfft2': (a) => fft.irfft2(complex(a.input!), several(a)),
  'torch.fft.irfftn': (a) => fft.irfftn(complex(a.input!), several(a)),
  'torch.fft.fftshift': ({ input, dim }) => fft.fftshift(input, { axis: dim }),
  'torch.fft.ifftshift': ({ input, dim }) => fft.ifftshift(input, { axis: dim }),
  'torch.fft.fftfreq': ({ n, d }) => fft.fftfreq(n, { d }),
  'torch.fft.rfftfreq': ({ n, d }) => fft.rfftfreq(n, { d }),
  irfft_of_view_as_complex: (a) => fft.irfft(a.input!, one(a)),
  'torch.stft': (a) => {
    const { input, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided } = a
    // With return_complex or without: a last axis of 2.
    void a.return_complex
    const options = { hopLength: hop_length, winLength: win_length, window, center, normalized, onesided }
    return tenon.stft(input!, n_fft!, { ...options, padMode: pad_mode })
  },
  'torch.hann_window': ({ window_length, periodic }) => tenon.hannWindow(window_length, { periodic }),
  'torch.hamming_window': ({ window_length, periodic, alpha, beta }) =>
    tenon.hammingWindow(window_length, { periodic, alpha, beta }),
  'torch.blackman_window': ({ window_length, periodic }) => tenon.blackmanWindow(window_length, { periodic }),
  'torch.bartlett_window': ({ window_length, periodic }) => tenon.bartlettWindow(window_length, { periodic }),
  'torch.kaiser_window': ({ window_length, periodic, beta }) => tenon.kaiserWindow(window_length, { periodic, beta }),
}
