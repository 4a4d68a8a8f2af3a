// Quantised blocks: products against the numbers of `dequantize`, and what prepare refuses. The
// numbers themselves are compared with a plain reading of the formats in test/ops/blocks.test.ts.
#include "kernels/blocks.h"
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

constexpr BlockEncoding kAll[] = {kQ8_0, kQ4_0, kQ4_K, kQ6_K};

std::vector<uint8_t> random_blocks(Dice& dice, BlockEncoding encoding, int64_t n) {
  std::vector<uint8_t> bytes = dice.values<uint8_t>(n * encoding.bytes);
  for (uint8_t& byte : bytes) byte &= 0x3b;  // no infinite scales
  return bytes;
}

void check_product(Dice& dice, BlockEncoding encoding) {
  const int64_t M = dice.between(0, 9), N = dice.between(0, 150), blocks = dice.between(1, 4);
  const int64_t K = blocks * encoding.elements;
  const std::vector<double> attrs = {static_cast<double>(encoding.elements),
                                     static_cast<double>(encoding.bytes)};
  const auto w = random_blocks(dice, encoding, N * blocks);
  const auto x = dice.values<float>(M * K);
  InstrCase numbers(blocks_ops(), "dequantize"), product(blocks_ops(), "matmulBlocks");
  numbers.instr.attrs = product.instr.attrs = attrs;
  numbers.in(w, {N, blocks * encoding.bytes});
  const View values = numbers.out<float>({N, K});
  product.in(x, {M, K});
  product.in(w, {N, blocks * encoding.bytes});
  const View y = product.out<float>({M, N});
  numbers.run();
  product.run();
  const auto v = numbers.read<float>(values);
  const auto found = product.read<float>(y);
  for (int64_t m = 0; m < M; m++) {
    for (int64_t n = 0; n < N; n++) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < K; k++) {
        const double term = static_cast<double>(x[m * K + k]) * static_cast<double>(v[n * K + k]);
        sum += term, size += std::abs(term);
      }
      EXPECT(std::abs(static_cast<double>(found[m * N + n]) - sum) <= 1e-5 * size + 1e-30);
    }
  }
}

std::string prepare_product(const std::vector<int64_t>& w, std::vector<double> attrs) {
  InstrCase c(blocks_ops(), "matmulBlocks");
  Dice dice(1);
  c.random_in<float>(dice, {2, 32});
  c.random_in<uint8_t>(dice, w);
  c.out<float>({2, 3});
  c.instr.attrs = std::move(attrs);
  return c.prepare();
}

}  // namespace

int main() {
  Dice dice(5);
  for (int i = 0; i < 20; i++) {
    for (const BlockEncoding encoding : kAll) check_product(dice, encoding);
  }
  EXPECT(prepare_product({3, 34}, {32, 34}) == "");
  EXPECT(prepare_product({3, 34}, {32, 18}) != "");
  EXPECT(prepare_product({3, 34}, {32, 33}) != "");
  EXPECT(prepare_product({3, 34}, {0, 0}) != "");
  EXPECT(prepare_product({3, 35}, {32, 34}) != "");
  EXPECT(prepare_product({3, 0}, {32, 34}) != "");
  EXPECT(prepare_product({4, 34}, {32, 34}) != "");
  EXPECT(prepare_product({3, 68}, {32, 34}) != "");
  EXPECT(prepare_product({3, 34}, {32, std::nan("")}) != "");
  return result("blocks");
}
