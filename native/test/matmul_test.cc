// matmul: against naive loops over random shapes, layouts, batches and cuts, with and without
// epilogue.
#include "instr_case.h"
#include "kernels/few_rows.h"
#include "kernels/gemm_bf16.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Layout {
  std::vector<int64_t> dims, strides;
  int64_t elements;
};

// A view [batch..., rows, cols] with rows or columns dense, gaps between them, and batch dims that
// may be broadcast.
Layout random_layout(Dice& dice, const std::vector<int64_t>& batch, int64_t rows, int64_t cols) {
  Layout layout;
  layout.dims = batch;
  layout.dims.push_back(rows);
  layout.dims.push_back(cols);
  layout.strides.assign(layout.dims.size(), 0);
  const size_t r = layout.dims.size() - 2;
  const int64_t gap = dice.chance(30) ? dice.between(1, 5) : 0;
  const bool transposed = dice.chance(40);
  layout.strides[transposed ? r : r + 1] = 1;
  layout.strides[transposed ? r + 1 : r] = (transposed ? rows : cols) + gap;
  int64_t next = (transposed ? cols : rows) * ((transposed ? rows : cols) + gap);
  const bool broadcast = dice.chance(30);
  for (size_t d = r; d-- > 0;) {
    if (broadcast || dice.chance(15)) continue;
    layout.strides[d] = next;
    next *= layout.dims[d];
  }
  layout.elements = std::max<int64_t>(1, next);
  return layout;
}

template <class T>
double element(const std::vector<T>& data, const Layout& layout, int64_t batch, int64_t row,
               int64_t col) {
  const size_t r = layout.dims.size() - 2;
  int64_t offset = row * layout.strides[r] + col * layout.strides[r + 1];
  for (size_t d = r; d-- > 0;) {
    offset += batch % layout.dims[d] * layout.strides[d];
    batch /= layout.dims[d];
  }
  return static_cast<double>(data[static_cast<size_t>(offset)]);
}

// As an input; rounds what is to be narrow.
template <class From, class T>
std::vector<From> stored(std::vector<T>& values) {
  if constexpr (std::is_same_v<From, T>) {
    return values;
  } else {
    std::vector<From> narrow;
    for (T& value : values) {
      narrow.push_back(to_bf16(value));
      value = widen(narrow.back());
    }
    return narrow;
  }
}

template <class T, class From = T>
void check(Dice& dice, const std::vector<int64_t>& batch, int64_t M, int64_t N, int64_t K,
           bool finish) {
  InstrCase c(matmul_ops(), "matmul");
  const Layout la = random_layout(dice, batch, M, K), lb = random_layout(dice, batch, K, N);
  std::vector<T> a = dice.values<T>(la.elements), b = dice.values<T>(lb.elements);
  if constexpr (!std::is_floating_point_v<T>) {
    for (T& value : a) value %= 1000;
    for (T& value : b) value %= 1000;
  }
  std::vector<int64_t> dims = batch;
  dims.push_back(M);
  dims.push_back(N);
  const View base_a = c.in(stored<From>(a), {la.elements});
  const View base_b = c.in(stored<From>(b), {lb.elements});
  c.instr.ins = {OpCase::strided(base_a, la.dims, la.strides),
                 OpCase::strided(base_b, lb.dims, lb.strides)};
  const View y = c.out<T>(dims);
  std::vector<T> z(static_cast<size_t>(y.elements));
  if (finish) z = c.read<T>(c.add_epilogue<T>(dice, dims));
  c.run();
  std::vector<double> want;
  const int64_t batches = M * N == 0 ? 0 : y.elements / (M * N);
  for (int64_t i = 0; i < batches; i++) {
    for (int64_t m = 0; m < M; m++) {
      for (int64_t n = 0; n < N; n++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++) sum += element(a, la, i, m, k) * element(b, lb, i, k, n);
        if (finish) sum = std::max(0.0, sum + static_cast<double>(z[want.size()]));
        want.push_back(sum);
      }
    }
  }
  expect_close(c.read<T>(y), want, tolerance<T>(static_cast<double>(K)),
               "matmul " + std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K));
}

template <class T>
void check_random(Dice& dice, int count) {
  for (int i = 0; i < count; i++) {
    std::vector<int64_t> batch;
    for (int64_t d = dice.between(0, 3); d > 0; d--)
      batch.push_back(dice.between(dice.chance(5) ? 0 : 1, 4));
    const auto size = [&] { return dice.chance(10) ? dice.between(0, 1) : dice.between(1, 40); };
    const int64_t M = size(), N = size();
    check<T>(dice, batch, M, N, size(), std::is_floating_point_v<T> && dice.chance(40));
  }
}

void check_large(Dice& dice) {
  for (const bool finish : {false, true}) {
    check<float>(dice, {}, 300, 400, 200, finish);
    check<float>(dice, {}, 64, 1100, 260, finish);
    check<float>(dice, {}, 1100, 64, 260, finish);
    check<double>(dice, {2}, 256, 131, 300, finish);
    check<float>(dice, {}, 1, 1200, 700, finish);
    check<float>(dice, {}, 6, 1000, 301, finish);
    check<float>(dice, {}, 1200, 1, 700, finish);
  }
  check<int32_t>(dice, {}, 150, 300, 200, false);
  check<int64_t>(dice, {3}, 40, 300, 200, false);
}

// All edges of tiles and blocks, both layouts.
void check_bf16(Dice& dice) {
  for (int i = 0; i < 300; i++) {
    const std::vector<int64_t> batch(static_cast<size_t>(dice.between(0, 1)), 2);
    const auto size = [&](int64_t most) { return dice.between(dice.chance(5) ? 0 : 1, most); };
    const int64_t M = size(30), N = size(150), K = size(300);
    check<float, BF16>(dice, batch, M, N, K, dice.chance(40));
  }
  check<float, BF16>(dice, {}, 200, 530, 259, false);
  check<float, BF16>(dice, {}, 64, 1100, 513, true);
}

// The way without the instruction.
void check_widened(Dice& dice) {
  constexpr int64_t M = 201, N = 530, K = 259;
  std::vector<float> a = dice.values<float>(M * K), b = dice.values<float>(K * N), c(M * N),
                     d(M * N);
  const std::vector<BF16> narrow_a = stored<BF16>(a), narrow_b = stored<BF16>(b);
  std::vector<std::byte> scratch(static_cast<size_t>(2 * gemm_bf16_scratch_bytes() + 64));
  auto* aligned = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) &
                                               ~uintptr_t{63});
  gemm_bf16_widened(M, N, K, narrow_a.data(), {K}, narrow_b.data(), {K, true}, c.data(), N,
                    aligned);
  gemm(M, N, K, 1.0f, a.data(), {K}, b.data(), {K, true}, false, d.data(), N);
  expect_close(c, std::vector<double>(d.begin(), d.end()), tolerance<float>(K), "widened");
  gemm_bf16_widened(2, 3, 0, narrow_a.data(), {1}, narrow_b.data(), {3}, c.data(), 3, aligned);
  EXPECT(std::all_of(c.begin(), c.begin() + 6, [](float x) { return x == 0; }));
}

// Every edge of the tiles, gaps between rows, and the sums that are there.
template <class T>
void check_few_rows(Dice& dice) {
  for (int i = 0; i < 60; i++) {
    const int64_t M = dice.between(1, 33), N = dice.between(1, 20), K = dice.between(1, 70);
    const int64_t lda = K + dice.between(0, 3), ldb = K + dice.between(0, 3);
    const int64_t ldc = N + dice.between(0, 3);
    const bool accumulate = dice.chance(50);
    const std::vector<T> a = dice.values<T>(M * lda), b = dice.values<T>(N * ldb);
    std::vector<T> c = dice.values<T>(M * ldc);
    std::vector<double> want(c.begin(), c.end());
    for (int64_t m = 0; m < M; m++) {
      for (int64_t n = 0; n < N; n++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++) {
          sum += static_cast<double>(a[static_cast<size_t>(m * lda + k)]) *
                 static_cast<double>(b[static_cast<size_t>(n * ldb + k)]);
        }
        double& out = want[static_cast<size_t>(m * ldc + n)];
        out = (accumulate ? out : 0) + 0.5 * sum;
      }
    }
    multiply_few_rows<T>(M, N, K, T(0.5), a.data(), lda, b.data(), ldb, accumulate, c.data(), ldc);
    expect_close(c, want, tolerance<T>(static_cast<double>(K)), "few rows");
  }
}

void check_refused() {
  const auto make = [] {
    Dice dice(7);
    auto c = std::make_unique<InstrCase>(matmul_ops(), "matmul");
    c->random_in<float>(dice, {2, 3, 4});
    c->random_in<float>(dice, {2, 4, 5});
    c->out<float>({2, 3, 5});
    return c;
  };
  EXPECT(make()->prepare().empty());
  spoil_instr(make);
  auto rows_apart = make();
  View& a = rows_apart->instr.ins[0];
  a.strides[0] = 0, a.strides[1] = 2, a.strides[2] = 1, a.contiguous = false;  // rows overlap
  expect_text(rows_apart->prepare(), "dense");
  auto mixed = std::make_unique<InstrCase>(matmul_ops(), "matmul");
  Dice dice(7);
  mixed->in(std::vector<BF16>(24), {2, 3, 4});
  mixed->random_in<float>(dice, {2, 4, 5});
  mixed->out<float>({2, 3, 5});
  expect_text(mixed->prepare(), "dtypes");
  auto sizes = make();
  sizes->instr.ins[1].dims[1] = 3;
  expect_text(sizes->prepare(), "sizes");
}

}  // namespace

int main() {
  Dice dice(1);
  check_random<float>(dice, 400);
  check_random<double>(dice, 400);
  check_random<int32_t>(dice, 100);
  check_random<int64_t>(dice, 100);
  check_large(dice);
  check_bf16(dice);
  check_widened(dice);
  check_few_rows<float>(dice);
  check_few_rows<double>(dice);
  check_refused();
  return result("matmul");
}
