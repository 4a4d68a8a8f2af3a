// Sorting and searching: against std::stable_sort over random lengths, dtypes and ties; NaN,
// zeros, refusals.
#include "kernels/sort.h"
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

template <class T>
bool goes_before(T a, T b) {
  return a < b || (a == a && b != b);  // NaN last
}

// Few different numbers, so that many are equal; floats with NaN, infinities and both zeros.
template <class T>
std::vector<T> numbers_of(Dice& dice, int64_t n) {
  std::vector<T> all;
  for (int64_t i = 0; i < n; i++) {
    if constexpr (std::is_floating_point_v<T>) {
      const T special[] = {std::numeric_limits<T>::quiet_NaN(), -T{0}, T{0},
                           std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity()};
      all.push_back(dice.chance(20) ? special[dice.between(0, 4)]
                                    : static_cast<T>(dice.between(-50, 50)));
    } else {
      const T special[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
      all.push_back(dice.chance(20) ? special[dice.between(0, 1)]
                                    : static_cast<T>(dice.between(0, 100)));
    }
  }
  return all;
}

template <class T>
std::unique_ptr<InstrCase> sort_case(const std::vector<T>& x, int64_t rows, int64_t n, int64_t k,
                                     bool descending, int64_t slots) {
  auto c = std::make_unique<InstrCase>(sort_ops(), "sort");
  c->in(x, {rows, n});
  c->instr.attrs = {descending ? 1.0 : 0.0};
  c->template out<T>({rows, k});
  c->template out<int64_t>({rows, k});
  const int64_t words = sort_work_words(n, k, sizeof(T));
  if (words > 0) c->template out<uint64_t>({slots, words});
  return c;
}

template <class T>
void check_sort(Dice& dice, int64_t longest) {
  const int64_t rows = dice.between(1, 5), n = dice.between(1, longest);
  const int64_t k = dice.chance(40) ? n : dice.between(0, n);
  const bool descending = dice.chance(50);
  const std::vector<T> x = numbers_of<T>(dice, rows * n);
  const auto c = sort_case(x, rows, n, k, descending, dice.between(1, 4));
  c->run();
  const auto values = c->template read<T>(c->instr.outs[0]);
  const auto at = c->template read<int64_t>(c->instr.outs[1]);
  for (int64_t row = 0; row < rows; row++) {
    const T* line = x.data() + row * n;
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) order[static_cast<size_t>(i)] = i;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return descending ? goes_before(line[b], line[a]) : goes_before(line[a], line[b]);
    });
    for (int64_t i = 0; i < k; i++) {
      const auto found = static_cast<size_t>(row * k + i);
      const int64_t want = order[static_cast<size_t>(i)];
      EXPECT(at[found] == want);
      EXPECT(std::memcmp(&values[found], &line[want], sizeof(T)) == 0);
    }
  }
}

template <class T>
void check_search(Dice& dice) {
  const int64_t rows = dice.between(1, 3), m = dice.between(0, 20), n = dice.between(0, 30);
  const bool shared = dice.chance(50), right = dice.chance(50);
  std::vector<T> sorted = numbers_of<T>(dice, (shared ? 1 : rows) * m);
  for (int64_t row = 0; row < (shared ? 1 : rows); row++) {
    std::sort(sorted.begin() + row * m, sorted.begin() + (row + 1) * m, goes_before<T>);
  }
  const std::vector<T> values = numbers_of<T>(dice, rows * n);
  InstrCase c(sort_ops(), "searchsorted");
  c.in(sorted, {shared ? 1 : rows, m});
  c.in(values, {rows, n});
  c.instr.attrs = {right ? 1.0 : 0.0};
  const View at = c.out<int64_t>({rows, n});
  c.run();
  std::vector<int64_t> want;
  for (int64_t i = 0; i < rows * n; i++) {
    const auto first = sorted.begin() + (shared ? 0 : i / n * m);
    const T value = values[static_cast<size_t>(i)];
    want.push_back(std::count_if(first, first + m, [&](T edge) {
      return right ? !goes_before(value, edge) : goes_before(edge, value);
    }));
  }
  EXPECT(c.read<int64_t>(at) == want);
}

void check_refused() {
  for (const int64_t k : {int64_t{3}, int64_t{300}}) {
    const auto make = [=] { return sort_case(std::vector<float>(800), 2, 400, k, false, 2); };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
  }
  const auto make = [] {
    auto c = std::make_unique<InstrCase>(sort_ops(), "searchsorted");
    c->in(std::vector<float>(6), {2, 3});
    c->in(std::vector<float>(8), {2, 4});
    c->instr.attrs = {0};
    c->out<int64_t>({2, 4});
    return c;
  };
  EXPECT(make()->prepare().empty());
  spoil_instr(make);
}

template <class T>
void check_dtype(Dice& dice) {
  for (int i = 0; i < 20; i++) check_sort<T>(dice, 12), check_search<T>(dice);
  for (int i = 0; i < 8; i++) check_sort<T>(dice, 900);
}

}  // namespace

int main() {
  Dice dice(1);
  check_dtype<float>(dice);
  check_dtype<double>(dice);
  check_dtype<int64_t>(dice);
  check_dtype<int32_t>(dice);
  check_dtype<int16_t>(dice);
  check_dtype<int8_t>(dice);
  check_dtype<uint64_t>(dice);
  check_dtype<uint32_t>(dice);
  check_dtype<uint16_t>(dice);
  check_dtype<uint8_t>(dice);
  check_refused();
  return result("sort");
}
