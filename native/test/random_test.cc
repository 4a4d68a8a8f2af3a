// Generators: Philox against the known answers of Random123, distribution, and independence of how
// the work is cut.
#include "kernels/random.h"

#include "op_case.h"
#include "ops/map_program.h"

using namespace tenon;
using namespace tenon::test;

namespace {

void check_known_answers() {
  using Words = std::array<uint32_t, 4>;
  const uint64_t ones = ~uint64_t{0};
  EXPECT((philox({0, 0}, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT((philox({0xffffffff, 0xffffffff}, ones, ones) ==
          Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT((philox({0xa4093822, 0x299f31d0}, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  const PhiloxKey key = philox_key(5, 7);
  EXPECT(key.low == 5 && key.high == 7);
  EXPECT(philox_key(4294967296.0 + 5, 7).high != 7);
  EXPECT(random_word(std::nan("")) == 0);
}

template <class T>
std::vector<T> generate(const char* name, int64_t n, double seed, double stream, double counter) {
  OpCase c;
  const View y = c.empty(kDTypeOf<T>, {n});
  std::vector<View> ins;
  for (const double number : {seed, stream, counter}) {
    ins.push_back(OpCase::strided(c.filled(std::vector<double>{number}), {n}, {0}));
  }
  MapBuilder p(3);
  const int result = p.step(name, kDTypeOf<T>, 0, 1, 2);
  EXPECT(c.run(map_ops(), "map", {y}, ins, p.attrs({result})) == "");
  return c.read<T>(y);
}

template <class T>
void check_uniform() {
  const auto u = generate<T>("randomUniform", 200000, 42, 1, 3);
  double sum = 0, squares = 0;
  std::vector<int> counts(16);
  for (const T value : u) {
    EXPECT(value >= 0 && value < 1);
    sum += static_cast<double>(value),
        squares += static_cast<double>(value) * static_cast<double>(value);
    ++counts[static_cast<size_t>(value * 16)];
  }
  EXPECT(std::fabs(sum / 200000 - 0.5) < 0.003 && std::fabs(squares / 200000 - 1.0 / 3) < 0.003);
  for (const int count : counts) EXPECT(std::abs(count - 12500) < 500);
  const std::array<uint32_t, 4> words = philox({42, 1}, 3, 1234);
  const uint64_t bits = uint64_t{words[0]} << 32 | words[1];
  const int digits = std::numeric_limits<T>::digits;
  EXPECT(u[1234] ==
         static_cast<T>(std::ldexp(static_cast<double>(bits >> (64 - digits)), -digits)));
}

template <class T>
void check_normal() {
  const auto x = generate<T>("randomNormal", 200000, 42, 1, 3);
  double moments[5] = {};
  for (const T value : x) {
    EXPECT(std::isfinite(value));
    for (int k = 1; k < 5; ++k) moments[k] += std::pow(static_cast<double>(value), k) / 200000;
  }
  EXPECT(std::fabs(moments[1]) < 0.01 && std::fabs(moments[2] - 1) < 0.015);
  EXPECT(std::fabs(moments[3]) < 0.03 && std::fabs(moments[4] - 3) < 0.1);
}

void check_dtypes_agree() {
  const auto wide = generate<double>("randomNormal", 5000, 9, 0, 0);
  const auto narrow = generate<float>("randomNormal", 5000, 9, 0, 0);
  for (size_t i = 0; i < wide.size(); ++i) {
    EXPECT(std::fabs(wide[i] - static_cast<double>(narrow[i])) < 5e-6);
  }
}

// Any piece of the space has the numbers that the whole has; other keys have others.
template <class T>
void check_pieces(const char* name) {
  const auto whole = generate<T>(name, 10000, 1, 2, 3);
  OpCase c;
  const View y = c.empty(kDTypeOf<T>, {100, 100});
  std::vector<View> ins;
  for (const double number : {1.0, 2.0, 3.0}) {
    ins.push_back(OpCase::strided(c.filled(std::vector<double>{number}), {100, 100}, {0, 0}));
  }
  MapBuilder p(3);
  std::unique_ptr<MapProgram> program;
  const int result = p.step(name, kDTypeOf<T>, 0, 1, 2);
  EXPECT(MapProgram::parse(p.attrs({result}), ins, {y}, &program) == "");
  std::vector<double> scratch(static_cast<size_t>(program->scratch_bytes()) / 8 + 1);
  Frame frame;
  const auto bases = c.all_bases();
  frame.bases = bases.data();
  for (int64_t begin = 0, step = 1; begin < 10000; step = step * 3 % 1000 + 1) {
    const int64_t end = std::min<int64_t>(begin + step, 10000);
    program->run(frame, reinterpret_cast<std::byte*>(scratch.data()), begin, end);
    begin = end;
  }
  const auto pieces = c.read<T>(y);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT(pieces[i] == whole[i]);
  EXPECT(generate<T>(name, 100, 2, 2, 3)[50] != whole[50]);
  EXPECT(generate<T>(name, 100, 1, 3, 3)[50] != whole[50]);
  EXPECT(generate<T>(name, 100, 1, 2, 4)[50] != whole[50]);
}

}  // namespace

int main() {
  check_known_answers();
  check_uniform<float>();
  check_uniform<double>();
  check_normal<float>();
  check_normal<double>();
  check_dtypes_agree();
  check_pieces<float>("randomUniform");
  check_pieces<double>("randomNormal");
  check_pieces<float>("randomNormal");
  return result("random");
}
