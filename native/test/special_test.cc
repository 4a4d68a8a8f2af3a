// Special functions against numbers of 18 digits (computed with mpmath 1.3), and at special values.
#include "kernels/special.h"
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Row {
  const char* name;
  double x;
  long double want;
};

const Row kRows[] = {
    {"lgamma", 1e-300, 690.775527898213705},
    {"lgamma", 0.25, 1.28802252469807746},
    {"lgamma", 1.0000001, -5.7721558299185071e-8},
    {"lgamma", 1.75, -0.084401121020485556},
    {"lgamma", 2.5, 0.28468287047291916},
    {"lgamma", 7.75, 8.02545839631598387},
    {"lgamma", 8.25, 9.03318691960512285},
    {"lgamma", 150.5, 602.513954870585412},
    {"lgamma", -0.5, 1.2655121234846454},
    {"lgamma", -7.25, -7.54188344347575002},
    {"digamma", 1e-10, -10000000000.5772153},
    {"digamma", 0.5, -1.96351002602142348},
    {"digamma", 1.5, 0.0364899739785765206},
    {"digamma", 9.75, 2.22510953504457601},
    {"digamma", 1000000.0, 13.8155100579641908},
    {"digamma", -0.25, 2.91413912021352783},
    {"digamma", -50.75, 0.795138826945263847},
    {"i0", 0.125, 1.00391006635335449},
    {"i0", 5.0, 27.2398718236044469},
    {"i0", 19.5, 26760525.339838766},
    {"i0", -20.5, 70922869.8343170066},
    {"i0", 700.0, 1.52959334767187374e+302},
    {"i1", 1e-10, 5.00000000000000018e-11},
    {"i1", 5.0, 24.3356421424505272},
    {"i1", 19.5, 26065069.2644571657},
    {"i1", -20.5, -69170831.6791843729},
    {"i1", 700.0, 1.52850039023390069e+302},
    {"i0e", 0.125, 0.88594752403033098},
    {"i0e", -5.0, 0.183540812609328353},
    {"i0e", 19.5, 0.0909394320951564833},
    {"i0e", 20.5, 0.0886644290157452481},
    {"i0e", 1000.0, 0.0126172404558912566},
    {"i1e", 0.125, 0.0552638532416032391},
    {"i1e", -5.0, -0.163972266944542357},
    {"i1e", 19.5, 0.0885760860943148525},
    {"i1e", 20.5, 0.0864741134940872456},
    {"i1e", 1000.0, 0.0126109302569286295},
    {"erfinv", 1e-10, 8.86226925452758046e-11},
    {"erfinv", 0.5, 0.476936276204469873},
    {"erfinv", -0.84375, -1.00253397062403993},
    {"erfinv", 0.875, 1.08478704006928314},
    {"erfinv", 0.9999999990686774, 4.32802827580094646},
    {"erfinv", 0.9999999999999991, 5.68612844131039098},
    {"ndtri", 1e-300, -37.0470962993611992},
    {"ndtri", 1e-10, -6.3613409024040562},
    {"ndtri", 0.0625, -1.53412054435254631},
    {"ndtri", 0.25, -0.674489750196081743},
    {"ndtri", 0.5625, 0.157310684610170696},
    {"ndtri", 0.96875, 1.86273186742165146},
    {"erfcx", -26.5, 1.92455316241856881e+305},
    {"erfcx", -2.0, 108.940904389977972},
    {"erfcx", 0.5, 0.615690344192925875},
    {"erfcx", 10.0, 0.0561409927438225859},
    {"erfcx", 25.75, 0.0218937902971458108},
    {"erfcx", 26.25, 0.0214773745619537627},
    {"erfcx", 1000.0, 0.000564189301453387654},
    {"logNdtr", -1000.0, -500007.826694812184},
    {"logNdtr", -30.0, -454.321243956343197},
    {"logNdtr", -1.25, -2.24762567721431818},
    {"logNdtr", -0.75, -1.48444822991965629},
    {"logNdtr", 0.5, -0.368946415288656393},
    {"logNdtr", 1.5, -0.069143455612233983},
};

struct OfOrder {
  double n, x, want;
};

const OfOrder kPolygamma[] = {
    {1, 0.5, 4.93480220054467931},     {1, 1.0, 1.64493406684822644},
    {1, 30.25, 0.0336102817442532987}, {1, -0.75, 18.9751069322848885},
    {2, 1.0, -2.40411380631918857},    {2, -20.25, 124.022785524743842},
    {3, 0.125, 24580.1434190635662},   {5, 2.5, 0.578569178567183485},
    {10, 4.0, -0.951924415635715813},
};

// Near zeros of the gamma functions the error is absolute.
double allowed(const std::string& name, long double want) {
  const bool has_zeros = name == "lgamma" || name == "digamma";
  return 8 * 0x1p-53 * std::fabs(static_cast<double>(want)) + (has_zeros ? 1.5e-15 : 0);
}

void check_accuracy() {
  for (const Row& row : kRows) {
    const double wide = map_one<double>(row.name, std::vector<double>{row.x})[0];
    const double off = static_cast<double>(std::fabs(wide - row.want));
    expect(off <= allowed(row.name, row.want), std::string(row.name) + std::to_string(row.x),
           __FILE__, __LINE__);
    const float x = static_cast<float>(row.x);
    const float narrow = map_one<float>(row.name, std::vector<float>{x})[0];
    const double same = map_one<double>(row.name, std::vector<double>{x})[0];
    EXPECT(same_bits(narrow, static_cast<float>(same)));
  }
  for (const auto& [n, x, want] : kPolygamma) {
    EXPECT(std::fabs(special::polygamma(n, x) - want) <= 8 * 0x1p-53 * std::fabs(want));
  }
}

void check_special_values() {
  const auto is = [](double (*f)(double), double x, double want) { return same_bits(f(x), want); };
  for (const double x : {0.0, -0.0, -1.0, -1e30, kInfinity, -kInfinity}) {
    EXPECT(is(special::log_gamma, x, kInfinity));
  }
  EXPECT(special::log_gamma(1) == 0 && special::log_gamma(2) == 0);
  EXPECT(special::digamma(0.0) == -kInfinity && special::digamma(-0.0) == kInfinity);
  EXPECT(is(special::digamma, -3, kNan) && is(special::digamma, -kInfinity, kNan));
  EXPECT(is(special::digamma, kInfinity, kInfinity));
  EXPECT(special::polygamma(1, 0) == kInfinity && special::polygamma(1, kInfinity) == 0);
  EXPECT(same_bits(special::polygamma(0, 2.5), special::digamma(2.5)));
  EXPECT(std::isnan(special::polygamma(-1, 2)) && std::isnan(special::polygamma(1.5, 2)));
  for (const auto f :
       {special::bessel_i0, special::bessel_i1, special::bessel_i0e, special::bessel_i1e,
        special::digamma, special::log_gamma, special::erf_inverse, special::normal_quantile,
        special::scaled_erfc, special::log_normal_cdf}) {
    EXPECT(is(f, kNan, kNan));
  }
  EXPECT(special::bessel_i0(0) == 1 && special::bessel_i1(-kInfinity) == -kInfinity);
  EXPECT(special::bessel_i0(713) < kInfinity && special::bessel_i0(720) == kInfinity);
  EXPECT(special::bessel_i0e(kInfinity) == 0 && std::signbit(special::bessel_i1(-0.0)));
  EXPECT(is(special::erf_inverse, 1, kInfinity) && is(special::erf_inverse, -1, -kInfinity));
  EXPECT(is(special::erf_inverse, 1.5, kNan) && is(special::erf_inverse, -kInfinity, kNan));
  EXPECT(is(special::normal_quantile, 0, -kInfinity) && is(special::normal_quantile, -1, kNan));
  EXPECT(is(special::normal_quantile, 1, kInfinity) && special::normal_quantile(0.5) == 0);
  EXPECT(is(special::scaled_erfc, -kInfinity, kInfinity) && special::scaled_erfc(kInfinity) == 0);
  EXPECT(is(special::log_normal_cdf, -kInfinity, -kInfinity));
  EXPECT(special::log_normal_cdf(kInfinity) == 0);
}

void check_two_arguments() {
  const std::vector<double> a = {0, 0, 2, kInfinity, kInfinity, -kInfinity, 1, -2};
  const std::vector<double> b = {0, kNan, 1, kInfinity, -kInfinity, -kInfinity, 1, 3};
  const auto all = [&](const char* name, const std::vector<double>& want) {
    const std::vector<double> got = map_one<double>(name, a, b);
    for (size_t i = 0; i < a.size(); ++i) {
      if (!std::isnan(want[i])) EXPECT(std::fabs(got[i] - want[i]) < 1e-15 || got[i] == want[i]);
      if (std::isnan(want[i])) EXPECT(std::isnan(got[i]));
    }
  };
  all("xlogy", {0, kNan, 0, kInfinity, kNan, kNan, 0, -2 * std::log(3.0)});
  all("xlog1py",
      {0, kNan, 2 * std::log(2.0), kInfinity, kNan, kNan, std::log(2.0), -2 * std::log(4.0)});
  all("logaddexp", {std::log(2.0), kNan, 2 + std::log1p(std::exp(-1.0)), kInfinity, kInfinity,
                    -kInfinity, 1 + std::log(2.0), 3 + std::log1p(std::exp(-5.0))});
}

template <class T>
void check_gcd() {
  using Limits = std::numeric_limits<T>;
  const std::vector<T> a = {
      0, 12, 7, Limits::max(), Limits::min(), static_cast<T>(-12), Limits::min()};
  const std::vector<T> b = {0, 18, 0, Limits::max(), Limits::min(), 18, 7};
  const std::vector<T> y = map_one<T>("gcd", a, b);
  EXPECT(y[0] == 0 && y[1] == 6 && y[2] == 7 && y[3] == Limits::max() && y[4] == Limits::min());
  if (std::is_signed_v<T>) EXPECT(y[5] == 6 && y[6] == 1);
}

}  // namespace

int main() {
  check_accuracy();
  check_special_values();
  check_two_arguments();
  check_gcd<int64_t>();
  check_gcd<int8_t>();
  check_gcd<uint16_t>();
  return result("special");
}
