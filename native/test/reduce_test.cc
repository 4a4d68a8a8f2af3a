// Reductions against plain loops: sums of floats in long double, integers with wrapping.
#include "ops/reduce.h"
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Shape {
  int64_t outer, n, inner;
};
const Shape kShapes[] = {{1, 1, 1},     {3, 7, 1},      {5, 64, 1},    {2, 1000, 1},  {4, 9, 3},
                         {2, 100, 21},  {3, 33, 64},    {2, 50, 65},   {2, 130, 700}, {1, 70000, 1},
                         {1, 40000, 2}, {4, 70001, 1},  {1, 3000, 60}, {0, 5, 3},     {2, 5, 0},
                         {1000, 10, 1}, {1, 2000, 1000}};

template <class T>
std::vector<T> random_values(int64_t n, bool near_one) {
  std::mt19937_64 random(static_cast<uint64_t>(n));
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values) {
    const double unit = static_cast<double>(random() % 100001) / 1e5;
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(near_one ? 1 + (unit - 0.5) * 1e-3 : unit * 20 - 8);
    } else {
      value = static_cast<T>(random() >> 7);
    }
  }
  return values;
}

template <class T, class R>
std::vector<R> reduce(const char* name, const Shape& shape, const std::vector<T>& x,
                      DType partial_dtype) {
  OpCase c;
  const View vx = c.filled(x, {shape.outer, shape.n, shape.inner});
  const View y = c.empty(kDTypeOf<R>, {shape.outer, shape.inner});
  std::vector<View> outs = {y};
  const int64_t parts = reduce_parts(shape.outer, shape.n, shape.inner);
  const bool is_arg = std::string(name).starts_with("arg");
  if (parts > 1 && !is_arg)
    outs.push_back(c.empty(partial_dtype, {parts, shape.outer, shape.inner}));
  const std::string wrong = c.run(reduce_ops(), name, outs, {vx});
  expect(wrong.empty(), wrong, __FILE__, __LINE__);
  if (parts > 1 && !is_arg) EXPECT(c.chunks == parts);
  return c.read<R>(y);
}

// f folds the elements of one result.
template <class T, class R, class F>
void check(const char* name, double tolerance, F&& f, DType partial_dtype = kDTypeOf<T>) {
  for (const Shape& shape : kShapes) {
    const std::vector<T> x =
        random_values<T>(shape.outer * shape.n * shape.inner, std::string(name) == "prod");
    const std::vector<R> y = reduce<T, R>(name, shape, x, partial_dtype);
    for (int64_t o = 0; o < shape.outer; ++o) {
      for (int64_t i = 0; i < shape.inner; ++i) {
        std::vector<T> column;
        long double size = 0;
        for (int64_t k = 0; k < shape.n; ++k) {
          column.push_back(x[(o * shape.n + k) * shape.inner + i]);
          if (std::is_floating_point_v<T>)
            size += std::fabs(static_cast<long double>(column.back()));
        }
        const long double want = static_cast<long double>(f(column));
        const long double got = static_cast<long double>(y[o * shape.inner + i]);
        EXPECT(std::fabs(got - want) <=
               tolerance * static_cast<double>(std::fabs(want) + size * 1e-2L));
      }
    }
  }
}

template <class T>
void check_float() {
  const double tolerance = std::numeric_limits<T>::epsilon() * (sizeof(T) == 4 ? 0.6 : 8);
  check<T, T>(
      "sum", tolerance,
      [](const std::vector<T>& x) {
        long double sum = 0;
        for (const T value : x) sum += value;
        return sum;
      },
      DType::f64);
  check<T, T>(
      "prod", sizeof(T) == 4 ? 1e-7 : 1e-11,
      [](const std::vector<T>& x) {
        long double product = 1;
        for (const T value : x) product *= value;
        return product;
      },
      DType::f64);
}

template <class T>
void check_wrapping() {
  using U = std::make_unsigned_t<T>;
  check<T, T>("sum", 0, [](const std::vector<T>& x) {
    U sum = 0;
    for (const T value : x) sum += static_cast<U>(value);
    return static_cast<T>(sum);
  });
  check<T, T>("prod", 0, [](const std::vector<T>& x) {
    U product = 1;
    for (const T value : x) product *= static_cast<U>(value);
    return static_cast<T>(product);
  });
}

template <class T>
void check_extremes() {
  const auto largest = [](const std::vector<T>& x) { return std::max_element(x.begin(), x.end()); };
  const auto least = [](const std::vector<T>& x) { return std::min_element(x.begin(), x.end()); };
  check<T, T>("max", 0, [&](const std::vector<T>& x) { return *largest(x); });
  check<T, T>("min", 0, [&](const std::vector<T>& x) { return *least(x); });
  check<T, int64_t>("argMax", 0, [&](const std::vector<T>& x) { return largest(x) - x.begin(); });
  check<T, int64_t>("argMin", 0, [&](const std::vector<T>& x) { return least(x) - x.begin(); });
}

template <class T>
void check_nan() {
  for (const int64_t inner : {1, 3, 70}) {
    const Shape shape{1, 200, inner};
    std::vector<T> x = random_values<T>(200 * inner, false);
    x[150 * inner] = x[170 * inner] = std::numeric_limits<T>::quiet_NaN();
    for (const char* name : {"max", "min", "sum"}) {
      const std::vector<T> y = reduce<T, T>(name, shape, x, DType::f64);
      EXPECT(y[0] != y[0]);
      for (int64_t i = 1; i < inner; ++i) EXPECT(y[i] == y[i]);
    }
    for (const char* name : {"argMax", "argMin"}) {
      EXPECT((reduce<T, int64_t>(name, shape, x, DType::f64)[0] == 150));
    }
    const std::vector<T> low(static_cast<size_t>(200 * inner), -std::numeric_limits<T>::infinity());
    EXPECT((reduce<T, T>("max", shape, low, DType::f64)[0] == low[0]));
    EXPECT((reduce<T, int64_t>("argMax", shape, low, DType::f64)[0] == 0));
  }
}

void check_empty_and_refusals() {
  EXPECT((reduce<float, float>("sum", {2, 0, 3}, {}, DType::f64) == std::vector<float>(6, 0)));
  EXPECT((reduce<double, double>("prod", {2, 0, 3}, {}, DType::f64) == std::vector<double>(6, 1)));
  OpCase c;
  const View none = c.empty(DType::f32, {2, 0, 3}), y = c.empty(DType::f32, {2, 3});
  const View x = c.empty(DType::f32, {2, 5, 3}), index = c.empty(DType::i64, {2, 3});
  const View small = c.empty(DType::i8, {2, 5, 3}), small_y = c.empty(DType::i8, {2, 3});
  const View half = c.empty(DType::f16, {2, 5, 3}), half_y = c.empty(DType::f16, {2, 3});
  const auto refused = [&](const char* name, std::vector<View> outs, std::vector<View> ins) {
    return !c.run(reduce_ops(), name, std::move(outs), std::move(ins)).empty();
  };
  EXPECT(refused("max", {y}, {none}) && refused("argMin", {index}, {none}));
  EXPECT(refused("sum", {y, y}, {x}) && refused("sum", {y}, {}) && refused("sum", {}, {x}));
  EXPECT(refused("sum", {index}, {x}) && refused("argMax", {y}, {x}) && refused("sum", {x}, {x}));
  EXPECT(refused("sum", {small_y}, {small}) && !refused("max", {small_y}, {small}));
  EXPECT(refused("max", {half_y}, {half}) && refused("argMax", {index}, {half}));
  EXPECT(refused("sum", {y}, {OpCase::strided(x, {2, 2, 3}, {15, 6, 1})}));
  const View large = c.empty(DType::f32, {1, 70000, 1}), one = c.empty(DType::f32, {1, 1});
  EXPECT(reduce_parts(1, 70000, 1) == 3 && reduce_parts(1, 65535, 1) == 1 &&
         reduce_parts(65, 70000, 1) == 1);
  EXPECT(refused("sum", {one}, {large}) && refused("sum", {one, one}, {large}));
}

}  // namespace

int main() {
  check_float<float>();
  check_float<double>();
  check_wrapping<int64_t>();
  check_wrapping<int32_t>();
  check_extremes<float>();
  check_extremes<double>();
  check_extremes<int64_t>();
  check_extremes<int32_t>();
  check_extremes<int16_t>();
  check_extremes<int8_t>();
  check_extremes<uint64_t>();
  check_extremes<uint32_t>();
  check_extremes<uint16_t>();
  check_extremes<uint8_t>();
  check_nan<float>();
  check_nan<double>();
  check_empty_and_refusals();
  return result("reduce");
}
