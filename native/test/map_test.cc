// Map programs: against loops of one element, in pieces, in place, over strided views, and against
// malformed programs.
#include <functional>

#include "op_case.h"
#include "ops/map_program.h"

using namespace tenon;
using namespace tenon::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

template <class T>
std::vector<T> random_values(int64_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values) {
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(static_cast<double>(random() % 2000001) / 1e5 - 10);
      if (random() % 50 == 0) value = static_cast<T>(kNaN);
      if (random() % 50 == 0) value = static_cast<T>(kInf);
    } else {
      value = static_cast<T>(random() % 3 == 0 ? random() % 4 - 1 : random());
    }
  }
  return values;
}

template <class T, class Y>
void check_binary(const char* name, const std::function<Y(T, T)>& f) {
  std::vector<T> a = random_values<T>(3001, 1), b = random_values<T>(3001, 2);
  using Limits = std::numeric_limits<T>;
  a[0] = Limits::lowest(), b[0] = static_cast<T>(-1), b[1] = 0, a[2] = b[2];
  const std::vector<Y> y = map_one<Y>(name, a, b);
  for (size_t i = 0; i < a.size(); ++i) {
    const Y want = f(a[i], b[i]);
    bool same = false;
    if constexpr (std::is_same_v<Y, Bool>) {
      same = y[i].bits == want.bits;
    } else {
      same = y[i] == want || (y[i] != y[i] && want != want);
    }
    if (!same) {
      expect(false, std::string(name) + " " + std::to_string(a[i]) + ", " + std::to_string(b[i]),
             __FILE__, __LINE__);
      return;
    }
  }
}

// Integers wrap: 128 bits hold every product.
template <class T>
void check_integer() {
  using I = __int128;
  const auto wrap = [](I x) { return static_cast<T>(x); };
  const auto row = [&](const char* name, const std::function<I(I, I)>& f) {
    check_binary<T, T>(name, [&](T a, T b) { return wrap(f(a, b)); });
  };
  constexpr int kBits = sizeof(T) * 8;
  const auto floor_div = [](I a, I b) {
    return b == 0 ? I{0} : a / b - (a % b != 0 && (a < 0) != (b < 0));
  };
  row("add", [](I a, I b) { return a + b; });
  row("sub", [](I a, I b) { return a - b; });
  row("mul", [](I a, I b) {
    return static_cast<I>(static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b));
  });
  row("maximum", [](I a, I b) { return a > b ? a : b; });
  row("minimum", [](I a, I b) { return a < b ? a : b; });
  row("floorDivide", floor_div);
  row("remainder", [&](I a, I b) { return b == 0 ? I{0} : a - floor_div(a, b) * b; });
  row("fmod", [](I a, I b) { return b == 0 ? I{0} : a % b; });
  row("bitwiseAnd", [](I a, I b) { return a & b; });
  row("bitwiseOr", [](I a, I b) { return a | b; });
  row("bitwiseXor", [](I a, I b) { return a ^ b; });
  row("shiftLeft", [](I a, I b) {
    return b >= 0 && b < kBits ? static_cast<I>(static_cast<unsigned __int128>(a) << b) : 0;
  });
  row("shiftRight", [](I a, I b) { return b >= 0 && b < kBits ? a >> b : (a < 0 ? -1 : 0); });
  row("pow", [](I a, I b) {
    if (b < 0) return a == 1 ? I{1} : (a == -1 ? (b % 2 != 0 ? I{-1} : I{1}) : I{0});
    T result = 1, base = static_cast<T>(a);
    const auto times = [](T x, T y) {
      return static_cast<T>(static_cast<unsigned __int128>(static_cast<I>(x)) *
                            static_cast<unsigned __int128>(static_cast<I>(y)));
    };
    for (; b > 0; b /= 2, base = times(base, base)) {
      if (b % 2 != 0) result = times(result, base);
    }
    return static_cast<I>(result);
  });
  check_binary<T, Bool>("lt", [](T a, T b) { return Bool{a < b}; });
  check_binary<T, Bool>("ge", [](T a, T b) { return Bool{a >= b}; });
  const std::vector<T> x = random_values<T>(100, 3);
  const auto neg = map_one<T>("neg", x), abs = map_one<T>("abs", x), sign = map_one<T>("sign", x);
  const auto inverted = map_one<T>("bitwiseNot", x), relu = map_one<T>("relu", x);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT(neg[i] == wrap(-I{x[i]}));
    EXPECT(abs[i] == wrap(x[i] < 0 ? -I{x[i]} : I{x[i]}));
    EXPECT(sign[i] == wrap((x[i] > 0) - (x[i] < 0)));
    EXPECT(inverted[i] == wrap(~I{x[i]}));
    EXPECT(relu[i] == (x[i] > 0 ? x[i] : 0));
  }
}

template <class T>
void check_float() {
  const auto row = [](const char* name, const std::function<T(T, T)>& f) {
    check_binary<T, T>(name, f);
  };
  row("add", [](T a, T b) { return a + b; });
  row("sub", [](T a, T b) { return a - b; });
  row("mul", [](T a, T b) { return a * b; });
  row("div", [](T a, T b) { return a / b; });
  row("maximum", [](T a, T b) { return a != a || b != b ? T(kNaN) : std::fmax(a, b); });
  row("minimum", [](T a, T b) { return a != a || b != b ? T(kNaN) : std::fmin(a, b); });
  row("fmod", [](T a, T b) { return std::fmod(a, b); });
  row("pow", [](T a, T b) { return std::pow(a, b); });
  row("atan2", [](T a, T b) { return std::atan2(a, b); });
  check_binary<T, Bool>("eq", [](T a, T b) { return Bool{a == b}; });
  check_binary<T, Bool>("ne", [](T a, T b) { return Bool{a != b}; });
  check_binary<T, Bool>("lt", [](T a, T b) { return Bool{a < b}; });
  check_binary<T, Bool>("le", [](T a, T b) { return Bool{a <= b}; });
  check_binary<T, Bool>("gt", [](T a, T b) { return Bool{a > b}; });
  const std::vector<T> a = {T(7), T(-7), T(7), T(-7), T(6), T(1)};
  const std::vector<T> b = {T(3), T(3), T(-3), T(-3), T(-3), T(0.1)};
  const auto quotient = map_one<T>("floorDivide", a, b), rest = map_one<T>("remainder", a, b);
  const T want_rest[] = {1, 2, -2, -1, 0};
  const T want_quotient[] = {2, -3, -3, 2, -2};
  for (int i = 0; i < 5; ++i) EXPECT(rest[i] == want_rest[i] && quotient[i] == want_quotient[i]);
  EXPECT(quotient[5] == 9);  // 0.1 is a little more than a tenth
  const std::vector<T> odd = {T(kNaN), T(kInf), T(-kInf), T(0), T(-2)};
  const auto nan = map_one<Bool>("isNan", odd), inf = map_one<Bool>("isInf", odd);
  const auto finite = map_one<Bool>("isFinite", odd), no = map_one<Bool>("logicalNot", odd);
  const auto relu = map_one<T>("relu", odd), sign = map_one<T>("sign", odd);
  for (int i = 0; i < 5; ++i) {
    EXPECT(nan[i].bits == (i == 0) && inf[i].bits == (i == 1 || i == 2));
    EXPECT(finite[i].bits == (i > 2) && no[i].bits == (i == 3));
  }
  EXPECT(relu[0] != relu[0] && relu[2] == 0 && relu[1] == T(kInf) && relu[4] == 0);
  EXPECT(sign[0] == 0 && sign[2] == -1 && sign[3] == 0 && sign[4] == -1);
}

void check_logic_and_where() {
  const std::vector<Bool> a = {{0}, {0}, {1}, {1}}, b = {{0}, {1}, {0}, {1}};
  const auto conj = map_one<Bool>("logicalAnd", a, b), disj = map_one<Bool>("logicalOr", a, b);
  const auto differ = map_one<Bool>("logicalXor", a, b), inverse = map_one<Bool>("bitwiseNot", a);
  for (int i = 0; i < 4; ++i) {
    const int x = a[i].bits, y = b[i].bits;
    EXPECT(conj[i].bits == (x & y) && disj[i].bits == (x | y) && differ[i].bits == (x ^ y));
    EXPECT(inverse[i].bits == 1 - x);
  }
  const std::vector<Bool> when = {{1}, {0}, {1}};
  const auto halves =
      map_one<F16>("where", when, std::vector<F16>{{1}, {2}, {3}}, std::vector<F16>{{4}, {5}, {6}});
  EXPECT(halves[0].bits == 1 && halves[1].bits == 5 && halves[2].bits == 3);
  const auto wide = map_one<double>("where", when, std::vector<double>{1, kNaN, 3},
                                    std::vector<double>{kNaN, 5, 6});
  EXPECT(wide[0] == 1 && wide[1] == 5 && wide[2] == 3);
}

// A chain as one program and as one program a step: the same bits.
void check_fusion() {
  constexpr int64_t kN = 10007;
  OpCase c;
  const std::vector<float> a = random_values<float>(kN, 5), b = random_values<float>(kN, 6);
  const View va = c.filled(a), vb = c.filled(b), scale = c.filled(std::vector<double>{0.37});
  const View everywhere = OpCase::strided(scale, {kN}, {0});
  const View y = c.empty(DType::f32, {kN}), z = c.empty(DType::f32, {kN});
  MapBuilder p(3);
  const int s = p.step("cast", DType::f32, 2), m = p.step("mul", DType::f32, 0, s);
  const int e = p.step("add", DType::f32, m, 1), t = p.step("tanh", DType::f32, e);
  const int g = p.step("geluTanh", DType::f32, e), w = p.step("gt", DType::boolean, t, g);
  const int r = p.step("where", DType::f32, w, t, g);
  EXPECT(c.run(map_ops(), "map", {y, z}, {va, vb, everywhere}, p.attrs({r, e})) == "");
  const auto scaled = map_one<float>("mul", a, std::vector<float>(kN, 0.37f));
  const auto sum = map_one<float>("add", scaled, b), tanh = map_one<float>("tanh", sum);
  const auto gelu = map_one<float>("geluTanh", sum);
  const auto chosen = map_one<float>("where", map_one<Bool>("gt", tanh, gelu), tanh, gelu);
  const auto got = c.read<float>(y), got_sum = c.read<float>(z);
  for (int64_t i = 0; i < kN; ++i) {
    EXPECT(same_bits(got[i], chosen[i]) && same_bits(got_sum[i], sum[i]));
  }
}

// Two outs that swap their ins in place, and a chain that reads an in again after its first result.
void check_in_place() {
  constexpr int64_t kN = 5000;
  const auto a = random_values<float>(kN, 7), b = random_values<float>(kN, 8);
  {
    OpCase c;
    const View va = c.filled(a), vb = c.filled(b);
    EXPECT(c.run(map_ops(), "map", {va, vb}, {va, vb}, MapBuilder(2).attrs({1, 0})) == "");
    const auto x = c.read<float>(va), y = c.read<float>(vb);
    for (int64_t i = 0; i < kN; ++i) EXPECT(same_bits(x[i], b[i]) && same_bits(y[i], a[i]));
  }
  OpCase c;
  const View va = c.filled(a), vb = c.filled(b);
  MapBuilder p(2);
  const int sum = p.step("add", DType::f32, 0, 1), difference = p.step("sub", DType::f32, 0, 1);
  EXPECT(c.run(map_ops(), "map", {va, vb}, {va, vb}, p.attrs({sum, difference})) == "");
  const auto x = c.read<float>(va), y = c.read<float>(vb);
  for (int64_t i = 0; i < kN; ++i)
    EXPECT(same_bits(x[i], a[i] + b[i]) && same_bits(y[i], a[i] - b[i]));
}

// Random views (transposed, reversed, broadcast, sliced) in and out, against reading them element
// by element.
void check_strides() {
  std::mt19937_64 random(9);
  for (int round = 0; round < 200; ++round) {
    OpCase c;
    std::vector<int64_t> dims;
    for (uint64_t d = 0, rank = 1 + random() % 4; d < rank; ++d) {
      dims.push_back(static_cast<int64_t>(1 + random() % (rank < 3 ? 200 : 20)));
    }
    const auto view = [&](bool writable) {
      std::vector<size_t> order(dims.size());
      for (size_t d = 0; d < order.size(); ++d) order[d] = d;
      std::shuffle(order.begin(), order.end(), random);
      std::vector<int64_t> strides(dims.size());
      int64_t stride = 1, offset = 0;
      for (const size_t d : order) {
        if (!writable && random() % 4 == 0) continue;
        if (random() % 4 == 0) stride *= 2;
        strides[d] = stride;
        stride *= dims[d];
        if (random() % 4 == 0) offset += strides[d] * (dims[d] - 1), strides[d] = -strides[d];
      }
      const View base = c.filled(random_values<float>(stride, random()));
      return OpCase::strided(base, dims, strides, offset);
    };
    const View a = view(false), b = view(false), y = view(true), z = view(true);
    const auto va = c.read<float>(a), vb = c.read<float>(b);
    MapBuilder p(2);
    const int sum = p.step("add", DType::f32, 0, 1), copy = p.step("copy", DType::f32, 0);
    EXPECT(c.run(map_ops(), "map", {y, z}, {a, b}, p.attrs({sum, copy})) == "");
    const auto vy = c.read<float>(y), vz = c.read<float>(z);
    const View dense = c.empty(DType::f32, dims);
    MapBuilder only_copy(1);
    EXPECT(c.run(map_ops(), "map", {dense}, {a},
                 only_copy.attrs({only_copy.step("copy", DType::f32, 0)})) == "");
    const auto vd = c.read<float>(dense);
    for (size_t i = 0; i < va.size(); ++i) {
      EXPECT(same_bits(vy[i], va[i] + vb[i]) && same_bits(vz[i], va[i]) && same_bits(vd[i], va[i]));
    }
  }
}

void check_scalars_and_empty() {
  OpCase c;
  const View one = c.filled(std::vector<float>{3}, {}), y = c.empty(DType::f32, {});
  MapBuilder p(1);
  const int s = p.step("square", DType::f32, 0);
  EXPECT(c.run(map_ops(), "map", {y, one}, {one}, p.attrs({s, s})) == "");
  EXPECT(c.read<float>(y)[0] == 9 && c.read<float>(one)[0] == 9);
  const View none = c.empty(DType::f32, {0, 3}), wide = c.empty(DType::f32, {3, 5});
  EXPECT(c.run(map_ops(), "map", {none}, {none}, p.attrs({s})) == "");
  const View spread = OpCase::strided(one, {3, 5}, {0, 0});
  EXPECT(c.run(map_ops(), "map", {wide}, {spread}, MapBuilder(1).attrs({0})) == "");
  for (const float value : c.read<float>(wide)) EXPECT(value == 9);
}

void check_iota() {
  OpCase c;
  const View y = c.empty(DType::i32, {70000});
  MapBuilder p(0);
  EXPECT(c.run(map_ops(), "map", {y}, {}, p.attrs({p.step("iota", DType::i32)})) == "");
  const auto values = c.read<int32_t>(y);
  for (int32_t i = 0; i < 70000; ++i) EXPECT(values[i] == i);
}

// The program runs over pieces of the output of another op.
void check_epilogue() {
  OpCase c;
  const View y = c.filled(random_values<float>(60, 1), {6, 10});
  const View bias = c.filled(random_values<float>(10, 2));
  const auto before = c.read<float>(y), vb = c.read<float>(bias);
  MapBuilder p(2);
  Instr instr;
  instr.outs = {y};
  instr.epilogue_ins = {OpCase::strided(bias, {6, 10}, {0, 1})};
  const int sum = p.step("add", DType::f32, 0, 1), relu = p.step("relu", DType::f32, sum);
  instr.epilogue = p.attrs({relu});
  std::unique_ptr<MapProgram> program;
  EXPECT(MapProgram::parse_epilogue(instr, &program) == "");
  std::vector<double> scratch(static_cast<size_t>(program->scratch_bytes()) / 8 + 1);
  Frame frame;
  const auto bases = c.all_bases();
  frame.bases = bases.data();
  auto* memory = reinterpret_cast<std::byte*>(scratch.data());
  for (const int64_t begin : {0, 7, 25, 40}) {
    const int64_t end = begin == 0 ? 7 : begin == 7 ? 25 : begin == 25 ? 40 : 60;
    program->run(frame, memory, begin, end);
  }
  const auto after = c.read<float>(y);
  for (int i = 0; i < 60; ++i) {
    const float x = before[i] + vb[i % 10];
    EXPECT(same_bits(after[i], x < 0 ? 0 : x));
  }
}

void check_refusals() {
  OpCase c;
  const View x = c.filled(std::vector<float>(8, 1.0f)), y = c.empty(DType::f32, {8});
  const View d = c.filled(std::vector<double>(8, 1.0)), small = c.empty(DType::f32, {4});
  MapBuilder good(1);
  const int result = good.step("exp", DType::f32, 0);
  const std::vector<double> attrs = good.attrs({result});
  EXPECT(c.run(map_ops(), "map", {y}, {x}, attrs) == "");
  const double bad_words[] = {kNaN, kInf, -kInf, 1e300, -1, -2, 0.5, 99, 4503599627370496.0};
  for (size_t at = 0; at < attrs.size(); ++at) {
    for (const double word : bad_words) {
      if (word == -1 && (at == 4 || at == 5)) continue;  // no source: as it was
      std::vector<double> broken = attrs;
      broken[at] = word;
      EXPECT(c.run(map_ops(), "map", {y}, {x}, broken) != "");
    }
  }
  for (size_t length = 0; length < attrs.size(); ++length) {
    EXPECT(c.run(map_ops(), "map", {y}, {x}, {attrs.begin(), attrs.begin() + length}) != "");
  }
  EXPECT_TEXT(c.run(map_ops(), "map", {y}, {d}, attrs), "wrong dtype");
  EXPECT_TEXT(c.run(map_ops(), "map", {small}, {x}, attrs), "dims");
  EXPECT_TEXT(c.run(map_ops(), "map", {}, {x}, attrs), "outs");
  EXPECT_TEXT(c.run(map_ops(), "map", {y}, std::vector<View>(25, x), attrs), "ins");
  std::mt19937_64 random(4);
  for (int round = 0; round < 100000; ++round) {
    std::vector<double> words = {static_cast<double>(random() % 4)};
    for (int i = 0; i < words[0] * 5 + 1; ++i)
      words.push_back(static_cast<double>(random() % 12) - 1);
    for (int i = 0; i < words[0]; ++i)
      words[1 + 5 * i] = static_cast<double>(random() % map_functions().size());
    c.run(map_ops(), "map", {y}, {x, d}, words);  // runs, where it is a program
  }
}

}  // namespace

int main() {
  check_integer<int64_t>();
  check_integer<int32_t>();
  check_integer<int16_t>();
  check_integer<int8_t>();
  check_integer<uint64_t>();
  check_integer<uint32_t>();
  check_integer<uint16_t>();
  check_integer<uint8_t>();
  check_float<double>();
  check_float<float>();
  check_logic_and_where();
  check_fusion();
  check_in_place();
  check_strides();
  check_scalars_and_empty();
  check_iota();
  check_epilogue();
  check_refusals();
  return result("map");
}
