// Accuracy and special values of the functions of f32 and f64, against long double.
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

using Reference = long double (*)(long double);

long double sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
long double gelu(long double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0L)); }
long double gelu_tanh(long double x) {
  const long double u = std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x);
  return x * sigmoid(2 * u);
}
long double silu(long double x) { return x * sigmoid(x); }
long double softplus(long double x) {
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))) + (x - x);
}
long double softplus_or_inf(long double x) { return std::isinf(x) ? std::fmax(x, 0) : softplus(x); }
long double log_sigmoid(long double x) { return -softplus_or_inf(-x); }
long double rsqrt(long double x) { return 1 / std::sqrt(x); }
long double reciprocal(long double x) { return 1 / x; }
long double square(long double x) { return x * x; }

struct Row {
  const char* name;
  Reference f;
  double low, high;           // where most values are taken from
  double f32_ulps, f64_ulps;  // the most that is allowed
  double tail = 0;  // and this times |x|^3 more: a rounded exponent of that size is magnified
};

#define STD(function) [](long double x) { return std::function(x); }

const Row kRows[] = {
    {"exp", STD(exp), -110, 95, 1.5, 1},
    {"exp2", STD(exp2), -160, 130, 1, 1},
    {"expm1", STD(expm1), -20, 90, 2, 1.5},
    {"log", STD(log), 0, 4, 1.5, 1},
    {"log2", STD(log2), 0, 4, 1.5, 1.5},
    {"log10", STD(log10), 0, 4, 2, 2},
    {"log1p", STD(log1p), -1, 3, 3, 1.5},
    {"sqrt", STD(sqrt), 0, 100, 0.5, 0.5},
    {"rsqrt", rsqrt, 0, 100, 1.5, 1.5},
    {"reciprocal", reciprocal, -10, 10, 0.51, 0.51},
    {"square", square, -10, 10, 0.51, 0.51},
    {"sin", STD(sin), -100, 100, 1, 1},
    {"cos", STD(cos), -100, 100, 1, 1},
    {"tan", STD(tan), -10, 10, 1.5, 1},
    {"asin", STD(asin), -1, 1, 1.5, 1},
    {"acos", STD(acos), -1, 1, 1.5, 1},
    {"atan", STD(atan), -10, 10, 1.5, 1},
    {"sinh", STD(sinh), -90, 90, 2, 2},
    {"cosh", STD(cosh), -90, 90, 2, 2},
    {"tanh", STD(tanh), -10, 10, 3, 2.5},
    {"asinh", STD(asinh), -10, 10, 2.5, 2.5},
    {"acosh", STD(acosh), 1, 10, 3, 3},
    {"atanh", STD(atanh), -1, 1, 2.5, 2.5},
    {"erf", STD(erf), -5, 5, 2.5, 1.5},
    {"erfc", STD(erfc), -5, 10, 5, 5},
    {"sigmoid", sigmoid, -100, 100, 2.5, 2.5},
    {"silu", silu, -100, 20, 3.5, 3.5},
    {"gelu", gelu, -14, 10, 4.5, 8, 0.35},
    {"geluTanh", gelu_tanh, -5, 5, 7, 7, 0.3},
    {"softplus", softplus_or_inf, -100, 100, 3, 3},
    {"logSigmoid", log_sigmoid, -100, 100, 3, 3},
};

template <class T>
std::vector<T> sample(const Row& row) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> inside(row.low, row.high), exponent(-40, 20);
  std::vector<T> x;
  for (int i = 0; i < 200000; ++i) x.push_back(static_cast<T>(inside(random)));
  for (int i = 0; i < 20000; ++i) {
    const T small = static_cast<T>(std::exp2(exponent(random)));
    x.push_back(small), x.push_back(-small), x.push_back(1 + small), x.push_back(1 - small);
  }
  using Limits = std::numeric_limits<T>;
  for (const T special : {T(0), Limits::denorm_min(), Limits::min(), Limits::min() / 3, T(1),
                          Limits::max(), Limits::infinity(), Limits::quiet_NaN()}) {
    x.push_back(special), x.push_back(-special);
  }
  return x;
}

template <class T>
void check_row(const Row& row, double allowed) {
  const std::vector<T> x = sample<T>(row);
  const std::vector<T> y = map_one<T>(row.name, x);
  using Limits = std::numeric_limits<T>;
  double worst = 0;
  T where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double want = row.f(static_cast<long double>(x[i]));
    // Products with a subnormal factor keep its few digits.
    if (std::fabs(static_cast<long double>(y[i]) - want) < 500 * Limits::denorm_min()) continue;
    const double size = std::fabs(static_cast<double>(x[i]));
    const double error = ulps<T>(y[i], want) - row.tail * size * size * size;
    if (error > worst) worst = error, where = x[i];
  }
  std::printf("%-11s %s  worst %.2f ulp at %.9g\n", row.name, sizeof(T) == 4 ? "f32" : "f64", worst,
              static_cast<double>(where));
  EXPECT(worst <= allowed);
}

void check_signed_zeros() {
  for (const char* name : {"sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1",
                           "log1p", "erf", "sqrt", "floor", "round", "trunc"}) {
    EXPECT(std::signbit(map_one<float>(name, std::vector<float>{-0.0f})[0]));
    EXPECT(std::signbit(map_one<double>(name, std::vector<double>{-0.0})[0]));
  }
}

template <class T>
void check_rounding() {
  std::vector<T> x = {T(0.5),  T(1.5),  T(2.5), T(-0.5),      T(-1.5),
                      T(-2.7), T(1e30), T(-3),  T(0.49999997)};
  const auto check = [&](const char* name, T (*f)(T)) {
    const std::vector<T> y = map_one<T>(name, x);
    for (size_t i = 0; i < x.size(); ++i) EXPECT(y[i] == f(x[i]));
  };
  check("floor", std::floor);
  check("ceil", std::ceil);
  check("trunc", std::trunc);
  check("round", std::nearbyint);
}

// A value may not depend on where in a vector it stands, nor on what stands beside it.
void check_position() {
  const std::vector<float> few = {0.3f, -1.7f, 2.5f};
  for (const Row& row : kRows) {
    const std::vector<float> alone = map_one<float>(row.name, few);
    std::vector<float> many(37);
    for (size_t i = 0; i < many.size(); ++i) many[i] = few[i % 3];
    many[35] = 1e30f;
    const std::vector<float> among = map_one<float>(row.name, many);
    for (size_t i = 0; i < 35; ++i) EXPECT(same_bits(among[i], alone[i % 3]));
  }
}

}  // namespace

int main() {
  for (const Row& row : kRows) {
    check_row<float>(row, row.f32_ulps);
    check_row<double>(row, row.f64_ulps);
  }
  check_signed_zeros();
  check_rounding<float>();
  check_rounding<double>();
  check_position();
  return result("map_accuracy");
}
