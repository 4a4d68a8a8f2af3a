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

template <class Float, class Double>
struct FftState : OpState {
  std::variant<Float, Double> plan;
  Cut cut;  // of the rows
  bool inverse = false;
  double scale = 1;
  template <class Plan>
  explicit FftState(Plan made) : plan(std::move(made)) {}
};

using ComplexState = FftState<FftPlan<float>, FftPlan<double>>;
using RealState = FftState<RealFftPlan<float>, RealFftPlan<double>>;

bool is_rows(const View& view, std::initializer_list<int64_t> dims, DType dtype) {
  return view.rank == static_cast<int>(dims.size()) && view.contiguous && view.dtype == dtype &&
         std::equal(dims.begin(), dims.end(), view.dims);
}

// work: complex numbers of a row, beside its own n.
template <class State>
std::string set_work(Instr& instr, State& s, int64_t batch, int64_t n, int64_t work) {
  const double scale = instr.attrs.back();
  if (!std::isfinite(scale)) return "scale";
  s.scale = scale;
  const double passes = std::log2(static_cast<double>(n) + 1);
  instr.flops = 5 * static_cast<double>(batch) * static_cast<double>(n) * passes;
  s.cut = cut_work(batch, instr.flops / kChunkFlops);
  instr.chunks[0] = s.cut.chunks;
  instr.scratch_bytes = (n + work) * 2 * dtype_bytes(instr.outs[0].dtype);
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
  const std::string wrong = set_work(instr, *state, batch, n, work);
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

// Calls body(plan, state, row, typed zero) for the rows of some chunks.
template <class State, class F>
void for_each_row(const Instr& instr, int64_t begin, int64_t end, const F& body) {
  const auto& s = static_cast<const State&>(*instr.state);
  with_float(instr.outs[0].dtype, [&](auto zero) {
    const auto& plan = std::get < std::is_same_v<decltype(zero), float> ? 0 : 1 > (s.plan);
    for (int64_t row = s.cut.first(begin); row < s.cut.first(end); row++) body(plan, s, row, zero);
  });
}

void run_fft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1];
  for_each_row<ComplexState>(
      instr, begin, end, [&](const auto& plan, const auto& s, int64_t row, auto zero) {
        using T = decltype(zero);
        const T* x = frame.data<const T>(instr.ins[0]) + row * n * 2;
        T* y = frame.data<T>(instr.outs[0]) + row * n * 2;
        auto* room = reinterpret_cast<Complex<T>*>(frame.scratch);
        const T scale = static_cast<T>(s.scale);
        // Backwards: with real and imaginary parts exchanged before and after.
        const int re = s.inverse ? 1 : 0, im = 1 - re;
        for (int64_t j = 0; j < n; j++) room[j] = {x[2 * j + re], x[2 * j + im]};
        plan.run(room, room + n);
        for (int64_t j = 0; j < n; j++)
          y[2 * j + re] = scale * room[j].re, y[2 * j + im] = scale * room[j].im;
      });
}

void run_rfft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1], half = n / 2 + 1;
  for_each_row<RealState>(
      instr, begin, end, [&](const auto& plan, const auto& s, int64_t row, auto zero) {
        using T = decltype(zero);
        auto* y = reinterpret_cast<Complex<T>*>(frame.data<T>(instr.outs[0])) + row * half;
        plan.forward(frame.data<const T>(instr.ins[0]) + row * n, y,
                     reinterpret_cast<Complex<T>*>(frame.scratch));
        const T scale = static_cast<T>(s.scale);
        for (int64_t k = 0; k < half; k++) y[k] = {scale * y[k].re, scale * y[k].im};
      });
}

void run_irfft(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.outs[0].dims[1], half = n / 2 + 1;
  for_each_row<RealState>(
      instr, begin, end, [&](const auto& plan, const auto& s, int64_t row, auto zero) {
        using T = decltype(zero);
        const auto* y =
            reinterpret_cast<const Complex<T>*>(frame.data<const T>(instr.ins[0])) + row * half;
        T* x = frame.data<T>(instr.outs[0]) + row * n;
        plan.inverse(y, x, reinterpret_cast<Complex<T>*>(frame.scratch));
        const T scale = static_cast<T>(s.scale);
        for (int64_t j = 0; j < n; j++) x[j] *= scale;
      });
}

}  // namespace

std::vector<Op> fft_ops() {
  return {{"fft", false, false, prepare_fft, run_fft},
          {"rfft", false, false, prepare_rfft, run_rfft},
          {"irfft", false, false, prepare_irfft, run_irfft}};
}

}  // namespace tenon
