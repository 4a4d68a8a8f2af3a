// Fourier transforms: against the sums that define them, over lengths of every kind of pass; and
// hostile plans.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

// sum over j of (re[j] + i im[j]) exp(sign 2 pi i j k / n)
std::pair<double, double> sum_at(int64_t n, int64_t k, double sign, const double* x) {
  double re = 0, im = 0;
  for (int64_t j = 0; j < n; j++) {
    const double angle =
        sign * 2 * 3.14159265358979323846 * static_cast<double>(j * k % n) / static_cast<double>(n);
    const double c = std::cos(angle), s = std::sin(angle);
    re += x[2 * j] * c - x[2 * j + 1] * s;
    im += x[2 * j] * s + x[2 * j + 1] * c;
  }
  return {re, im};
}

template <class T>
double near(int64_t n) {
  return (std::is_same_v<T, float> ? 4e-7 : 1e-15) * std::sqrt(static_cast<double>(n)) * 8;
}

template <class T>
void check_complex(Dice& dice, int64_t batch, int64_t n, bool inverse) {
  InstrCase c(fft_ops(), "fft");
  const std::vector<T> x = c.read<T>(c.random_in<T>(dice, {batch, n, 2}));
  const View y = c.out<T>({batch, n, 2});
  c.instr.attrs = {inverse ? 1.0 : 0.0, 0.5};
  c.run();
  std::vector<double> wide(x.begin(), x.end()), want;
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t k = 0; k < n; k++) {
      const auto [re, im] = sum_at(n, k, inverse ? 1 : -1, wide.data() + b * n * 2);
      want.push_back(re / 2), want.push_back(im / 2);
    }
  }
  expect_close(c.read<T>(y), want, near<T>(n), "fft of " + std::to_string(n));
}

template <class T>
void check_real(Dice& dice, int64_t batch, int64_t n) {
  const int64_t half = n / 2 + 1;
  InstrCase c(fft_ops(), "rfft");
  const std::vector<T> x = c.read<T>(c.random_in<T>(dice, {batch, n}));
  const View y = c.out<T>({batch, half, 2});
  c.instr.attrs = {2};
  c.run();
  std::vector<double> wide, want;
  for (const T value : x) wide.push_back(static_cast<double>(value)), wide.push_back(0);
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t k = 0; k < half; k++) {
      const auto [re, im] = sum_at(n, k, -1, wide.data() + b * n * 2);
      want.push_back(2 * re), want.push_back(2 * im);
    }
  }
  expect_close(c.read<T>(y), want, near<T>(n), "rfft of " + std::to_string(n));

  InstrCase back(fft_ops(), "irfft");
  const std::vector<T> z = back.read<T>(back.random_in<T>(dice, {batch, half, 2}));
  const View t = back.out<T>({batch, n});
  back.instr.attrs = {1};
  back.run();
  want.clear();
  for (int64_t b = 0; b < batch; b++) {
    std::vector<double> full(static_cast<size_t>(2 * n));
    for (int64_t k = 0; k < half; k++) {
      const auto at = static_cast<size_t>((b * half + k) * 2);
      const bool is_real = k == 0 || 2 * k == n;
      const double re = static_cast<double>(z[at]);
      const double im = is_real ? 0 : static_cast<double>(z[at + 1]);
      full[static_cast<size_t>(2 * k)] = re, full[static_cast<size_t>(2 * k + 1)] = im;
      if (k == 0) continue;
      full[static_cast<size_t>(2 * (n - k))] = re, full[static_cast<size_t>(2 * (n - k) + 1)] = -im;
    }
    for (int64_t j = 0; j < n; j++) want.push_back(sum_at(n, j, 1, full.data()).first);
  }
  expect_close(back.read<T>(t), want, near<T>(n), "irfft of " + std::to_string(n));
}

void check_refused() {
  for (const char* name : {"fft", "rfft", "irfft"}) {
    spoil_instr([=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(fft_ops(), name);
      const std::string op = name;
      const std::vector<int64_t> real = {2, 6}, half = {2, 4, 2}, full = {2, 6, 2};
      c->random_in<float>(dice, op == "fft" ? full : op == "rfft" ? real : half);
      c->out<float>(op == "fft" ? full : op == "rfft" ? half : real);
      c->instr.attrs.assign(op == "fft" ? 2 : 1, 1);
      EXPECT(c->prepare().empty());
      c->instr.state.reset();
      return c;
    });
  }
  InstrCase c(fft_ops(), "rfft");
  c.in(std::vector<float>(4), {2, 2});
  c.out<float>({2, 2, 2});
  c.instr.attrs = {std::nan("")};
  expect_text(c.prepare(), "scale");
}

template <class T>
void check_all(Dice& dice) {
  for (int64_t n = 1; n <= 40; n++) {
    check_complex<T>(dice, 2, n, n % 2 == 0);
    check_real<T>(dice, 2, n);
  }
  for (const int64_t n : {49,  60,  64,  97,  101, 121, 128, 143, 169,  180,
                          210, 243, 256, 257, 360, 509, 512, 625, 1000, 1001}) {
    check_complex<T>(dice, 1, n, n % 2 == 1);
    check_real<T>(dice, 1, n);
  }
  check_complex<T>(dice, 0, 4, false);
  check_complex<T>(dice, 300, 64, true);
}

}  // namespace

int main() {
  Dice dice(1);
  check_all<float>(dice);
  check_all<double>(dice);
  check_refused();
  return result("fft");
}
