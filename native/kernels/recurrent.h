// What the steps of recurrent nets are made of: products with a weight that is packed once for all
// steps, and the functions of gates with their gradients. A step works on some rows of the batch;
// no row depends on another.
#pragma once

#include <cstdint>

namespace tenon {

// A packed weight [K, N] lies in blocks of this many columns, padded with zeros:
// [ceil(N / block), ...]; how a block is ordered inside depends on the processor.
template <class T>
constexpr int64_t kPackBlock = 128 / static_cast<int64_t>(sizeof(T));

template <class T>
constexpr int64_t pack_blocks(int64_t N) {
  return (N + kPackBlock<T> - 1) / kPackBlock<T>;
}
template <class T>
constexpr int64_t packed_elements(int64_t K, int64_t N) {
  return pack_blocks<T>(N) * kPackBlock<T> * K;
}

// A weight [K, N]: element (k, n) at data[k * k_stride + n * n_stride].
template <class T>
struct WeightView {
  const T* data;
  int64_t K, N, k_stride, n_stride;
};

// Rows of a matrix, `ld` elements apart (0: the same row again).
template <class T>
struct Rows {
  T* data;
  int64_t ld;
};

// Letters: H units of a layer. Matrices have `rows` rows without gaps unless an ld is given.
template <class T>
struct RecurrentKernels {
  // Blocks [first, last) of a weight.
  void (*pack)(const WeightView<T>& weight, int64_t first, int64_t last, T* packed);
  // out[rows, N] = start (null: 0) + a[rows, K] packed, summed in order of k. out may be start.
  void (*product)(int64_t rows, int64_t K, int64_t N, Rows<const T> a, const T* packed,
                  Rows<const T> start, Rows<T> out);

  // y += x
  void (*add)(int64_t n, const T* x, T* y);

  // h: [H] in place, tanh or relu of what comes in
  void (*rnn)(int64_t rows, int64_t H, bool relu, T* h);
  // gates: [i f g o], 4 H, in place; c_prev, c, h: [H]
  //   c = sigmoid(f) c_prev + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c)
  void (*lstm)(int64_t rows, int64_t H, T* gates, const T* c_prev, T* c, T* h);
  // gates: [r z n q], 4 H: r, z and q = W_hn h + b_hn come in, all of them activated go out
  // gx: [r z n], 3 H, of which n is read; h_prev, h: [H]
  //   n = tanh(gx_n + sigmoid(r) q), h = (1 - z) n + z h_prev
  void (*gru)(int64_t rows, int64_t H, T* gates, const T* gx, const T* h_prev, T* h);

  // d: [H], gradient by what came into tanh or relu, from h and its gradient dh
  void (*rnn_grad)(int64_t rows, int64_t H, bool relu, const T* h, const T* dh, T* d);
  // d: [i f g o], 4 H, gradient by what came in; dc: [H] in place, from that by c to that by c_prev
  void (*lstm_grad)(int64_t rows, int64_t H, const T* gates, const T* c_prev, const T* c,
                    const T* dh, T* dc, T* d);
  // d: [r z n q], 4 H; dh: [H] in place, from that by h to the part of h_prev's that does not pass
  // the weights
  void (*gru_grad)(int64_t rows, int64_t H, const T* gates, const T* h_prev, T* dh, T* d);
};

template <class T>
const RecurrentKernels<T>& recurrent_kernels();
template <>
const RecurrentKernels<float>& recurrent_kernels();
template <>
const RecurrentKernels<double>& recurrent_kernels();

}  // namespace tenon
