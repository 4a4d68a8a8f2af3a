// Fourier transforms over the last axis, of each row; complex numbers are a last axis of 2. f32 or
// f64, contiguous; all of one dtype; 1 <= n <= 2^24.
// fft: outs [y: [batch, n, 2]], ins [x: [batch, n, 2]]; attrs [inverse, scale].
// rfft: outs [y: [batch, n / 2 + 1, 2]], ins [x: [batch, n]]; attrs [scale].
// irfft: outs [x: [batch, n]], ins [y: [batch, n / 2 + 1, 2]]; attrs [scale].
// Results are multiplied by scale.
#include "kernels/fft.h"

#include <variant>

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

constexpr int64_t kMaxLength = int64_t{1} << 24;
// Rows side by side, one a lane, as long as they fit into the second cache together; found on
// Zen 5.
constexpr int64_t kMaxRows = 16, kBlock = 32768;

template <class Float, class Double>
struct FftState : OpState {
  std::variant<Float, Double> plan;
  Cut cut;  // of the rows
  bool inverse = false;
  double scale = 1;
  int64_t room = 0, rows = 1;  // complex numbers a row; rows at a time
  template <class Plan>
  explicit FftState(Plan made) : plan(std::move(made)) {}
};

using ComplexState = FftState<FftPlan<float>, FftPlan<double>>;
using RealState = FftState<RealFftPlan<float>, RealFftPlan<double>>;

bool is_rows(const View& view, std::initializer_list<int64_t> dims, DType dtype) {
  return view.rank == static_cast<int>(dims.size()) && view.contiguous && view.dtype == dtype &&
         std::equal(dims.begin(), dims.end(), view.dims);
}

// room: complex numbers that a row needs.
template <class State>
std::string set_work(Instr& instr, State& s, int64_t batch, int64_t n, int64_t room) {
  s.scale = instr.attrs.back();
  if (!std::isfinite(s.scale)) return "scale";
  const double passes = std::log2(static_cast<double>(n) + 1);
  instr.flops = 5 * static_cast<double>(batch) * static_cast<double>(n) * passes;
  s.cut = cut_work(batch, instr.flops / kChunkFlops);
  instr.chunks[0] = s.cut.chunks;
  s.room = room;
  s.rows = std::clamp<int64_t>(kBlock / room, 1, kMaxRows);
  instr.scratch_bytes = room * s.rows * 2 * dtype_bytes(instr.outs[0].dtype);
  return "";
}

std::string prepare_fft(Instr& instr) {
  if (!counts_are(instr, 1, 1, 2)) return "takes x, gives y";
  const View &x = instr.ins[0], &y = instr.outs[0];
  if (!is_float(x.dtype)) return "dtype";
  const int64_t batch = x.dims[0], n = x.dims[1];
  if (!is_rows(x, {batch, n, 2}, x.dtype) || !is_rows(y, {batch, n, 2}, x.dtype)) {
    return "x and y must be [batch, n, 2]";
  }
  if (n < 1 || n > kMaxLength) return "n must be 1 to 2^24";
  int64_t inverse = 0;
  if (!read_attr(instr, 0, 0, 1, &inverse)) return "attrs out of range";
  std::unique_ptr<ComplexState> state;
  int64_t work = 0;
  with_float(x.dtype, [&](auto zero) {
    FftPlan<decltype(zero)> plan(n);
    work = plan.work();
    state = std::make_unique<ComplexState>(std::move(plan));
  });
  state->inverse = inverse == 1;
  const std::string wrong = set_work(instr, *state, batch, n, n + work);
  instr.state = std::move(state);
  return wrong;
}

std::string prepare_real(Instr& instr, const View& real, const View& half) {
  if (!is_float(real.dtype)) return "dtype";
  const int64_t batch = real.dims[0], n = real.dims[1];
  if (n < 1 || n > kMaxLength) return "n must be 1 to 2^24";
  if (!is_rows(real, {batch, n}, real.dtype) || !is_rows(half, {batch, n / 2 + 1, 2}, real.dtype)) {
    return "must be [batch, n] and [batch, n / 2 + 1, 2]";
  }
  std::unique_ptr<RealState> state;
  int64_t work = 0;
  with_float(real.dtype, [&](auto zero) {
    RealFftPlan<decltype(zero)> plan(n);
    work = plan.work();
    state = std::make_unique<RealState>(std::move(plan));
  });
  const std::string wrong = set_work(instr, *state, batch, n, work);
  instr.state = std::move(state);
  return wrong;
}

std::string prepare_rfft(Instr& instr) {
  if (!counts_are(instr, 1, 1, 1)) return "takes x, gives y";
  return prepare_real(instr, instr.ins[0], instr.outs[0]);
}

std::string prepare_irfft(Instr& instr) {
  if (!counts_are(instr, 1, 1, 1)) return "takes y, gives x";
  return prepare_real(instr, instr.outs[0], instr.ins[0]);
}

// Calls body(plan, state, first row, rows, work, typed zero) for the rows of some chunks, several
// at a time.
template <class State, class F>
void for_each_block(const Instr& instr, const Frame& frame, int64_t begin, int64_t end,
                    const F& body) {
  const auto& s = static_cast<const State&>(*instr.state);
  with_float(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto& plan = std::get < std::is_same_v<T, float> ? 0 : 1 > (s.plan);
    T* scratch = reinterpret_cast<T*>(frame.scratch);
    const int64_t last = s.cut.first(end);
    for (int64_t row = s.cut.first(begin); row < last; row += s.rows) {
      const int64_t rows = std::min(s.rows, last - row);
      body(plan, s, row, rows, Planes<T>{scratch, scratch + s.room * s.rows}, zero);
    }
  });
}

void run_fft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1];
  for_each_block<ComplexState>(
      instr, frame, begin, end,
      [&](const auto& plan, const auto& s, int64_t first, int64_t rows, auto room, auto zero) {
        using T = decltype(zero);
        const T* x = frame.data<const T>(instr.ins[0]) + first * n * 2;
        T* y = frame.data<T>(instr.outs[0]) + first * n * 2;
        const T scale = static_cast<T>(s.scale);
        for_each_tile(rows, n, [&](int64_t l, int64_t from, int64_t to) {
          for (int64_t j = from; j < to; j++) {
            room.re[j * rows + l] = x[(l * n + j) * 2];
            room.im[j * rows + l] = x[(l * n + j) * 2 + 1];
          }
        });
        // Backwards: with real and imaginary parts exchanged.
        auto a = room, work = room + n * rows;
        if (s.inverse) std::swap(a.re, a.im), std::swap(work.re, work.im);
        plan.run(rows, a, work);
        for_each_tile(rows, n, [&](int64_t l, int64_t from, int64_t to) {
          for (int64_t j = from; j < to; j++) {
            y[(l * n + j) * 2] = scale * room.re[j * rows + l];
            y[(l * n + j) * 2 + 1] = scale * room.im[j * rows + l];
          }
        });
      });
}

void run_rfft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1], half = n / 2 + 1;
  for_each_block<RealState>(
      instr, frame, begin, end,
      [&](const auto& plan, const auto& s, int64_t first, int64_t rows, auto room, auto zero) {
        using T = decltype(zero);
        plan.forward(rows, static_cast<T>(s.scale), frame.data<const T>(instr.ins[0]) + first * n,
                     reinterpret_cast<Complex<T>*>(frame.data<T>(instr.outs[0])) + first * half,
                     room);
      });
}

void run_irfft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.outs[0].dims[1], half = n / 2 + 1;
  for_each_block<RealState>(
      instr, frame, begin, end,
      [&](const auto& plan, const auto& s, int64_t first, int64_t rows, auto room, auto zero) {
        using T = decltype(zero);
        const T* y = frame.data<const T>(instr.ins[0]);
        plan.inverse(rows, static_cast<T>(s.scale),
                     reinterpret_cast<const Complex<T>*>(y) + first * half,
                     frame.data<T>(instr.outs[0]) + first * n, room);
      });
}

}  // namespace

std::vector<Op> fft_ops() {
  return {{"fft", false, false, prepare_fft, run_fft},
          {"rfft", false, false, prepare_rfft, run_rfft},
          {"irfft", false, false, prepare_irfft, run_irfft}};
}

}  // namespace tenon
