// Index ops: against naive loops over random shapes, dtypes and axes; bad indices; windows placed
// by a value.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

int64_t count(const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (const int64_t dim : dims) n *= dim;
  return n;
}

template <class Id>
std::vector<Id> random_ids(Dice& dice, int64_t n, int64_t size) {
  std::vector<Id> ids;
  for (int64_t i = 0; i < n; i++) ids.push_back(static_cast<Id>(dice.between(0, size - 1)));
  return ids;
}

// Exact sums: small whole numbers.
template <class T>
std::vector<T> whole_numbers(Dice& dice, int64_t n) {
  std::vector<T> values;
  for (int64_t i = 0; i < n; i++) values.push_back(static_cast<T>(dice.between(0, 100)));
  return values;
}

template <class T, class Id>
void check_take(Dice& dice, int64_t scale) {
  const int64_t outer = dice.between(1, 4), n = dice.between(0, 20 * scale),
                V = dice.between(1, 20 * scale);
  const int64_t inner = dice.chance(30) ? 1 : dice.between(1, 12 * scale);
  const std::vector<Id> ids = random_ids<Id>(dice, n, V);
  const std::vector<T> x = whole_numbers<T>(dice, outer * V * inner);
  InstrCase take(index_ops(), "take");
  take.in(x, {outer, V, inner});
  take.in(ids, {n});
  const View y = take.out<T>({outer, n, inner});
  take.run();
  const std::vector<T> got = take.read<T>(y);
  const std::vector<T> src = whole_numbers<T>(dice, outer * n * inner);
  std::vector<T> want(got.size()), sums(x.size());
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < inner; j++) {
        const auto picked = static_cast<size_t>((o * n + i) * inner + j);
        const auto whole = static_cast<size_t>(
            (o * V + static_cast<int64_t>(ids[static_cast<size_t>(i)])) * inner + j);
        want[picked] = x[whole];
        sums[whole] = static_cast<T>(sums[whole] + src[picked]);
      }
    }
  }
  EXPECT(got == want);
  InstrCase add(index_ops(), "takeAdd");
  add.in(ids, {n});
  add.in(src, {outer, n, inner});
  const View sum = add.out<T>({outer, V, inner});
  add.run();
  EXPECT(add.read<T>(sum) == sums);
}

struct AxisCase {
  std::vector<int64_t> x, index;
  int64_t axis;
};

AxisCase random_axis_case(Dice& dice, int64_t most) {
  AxisCase c;
  const int64_t rank = dice.between(1, 5);
  c.axis = dice.between(0, rank - 1);
  for (int64_t d = 0; d < rank; d++) {
    c.x.push_back(dice.between(1, most));
    const bool shorter = dice.chance(30);
    c.index.push_back(d == c.axis ? dice.between(0, most)
                      : shorter   ? dice.between(1, c.x.back())
                                  : c.x.back());
  }
  return c;
}

// Calls body(position in the index tensor, offset in x when the axis is at `at(position)`).
template <class At, class F>
void for_each_position(const AxisCase& c, const At& at, const F& body) {
  const int64_t n = count(c.index);
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = i, offset = 0, stride = 1;
    for (size_t d = c.x.size(); d-- > 0;) {
      const int64_t coordinate = static_cast<int64_t>(d) == c.axis ? at(i) : rest % c.index[d];
      rest /= c.index[d];
      offset += coordinate * stride;
      stride *= c.x[d];
    }
    body(static_cast<size_t>(i), static_cast<size_t>(offset));
  }
}

template <class T>
void check_axis(Dice& dice, int64_t most) {
  const AxisCase c = random_axis_case(dice, most);
  const std::vector<T> x = whole_numbers<T>(dice, count(c.x)),
                       src = whole_numbers<T>(dice, count(c.index));
  const std::vector<int64_t> index =
      random_ids<int64_t>(dice, count(c.index), c.x[static_cast<size_t>(c.axis)]);
  std::vector<T> gathered(src.size()), scattered = x, added = x;
  for_each_position(
      c, [&](int64_t i) { return index[static_cast<size_t>(i)]; },
      [&](size_t i, size_t offset) {
        gathered[i] = x[offset];
        scattered[offset] = src[i];
        added[offset] = static_cast<T>(added[offset] + src[i]);
      });
  InstrCase gather(index_ops(), "gather");
  gather.in(x, c.x);
  gather.in(index, c.index);
  gather.instr.attrs = {static_cast<double>(c.axis)};
  const View y = gather.out<T>(c.index);
  gather.run();
  EXPECT(gather.read<T>(y) == gathered);
  for (const bool add : {false, true}) {
    const bool in_place = dice.chance(50);
    InstrCase scatter(index_ops(), add ? "scatterAdd" : "scatter");
    const View whole = scatter.in(x, c.x);
    scatter.in(index, c.index);
    scatter.in(src, c.index);
    scatter.instr.attrs = {static_cast<double>(c.axis)};
    if (in_place) scatter.instr.outs = {whole};
    const View out = in_place ? whole : scatter.out<T>(c.x);
    scatter.run();
    EXPECT(scatter.read<T>(out) == (add ? added : scattered));
  }
}

// scatterMul, scatterMax, scatterMin.
template <class T>
void check_combined(Dice& dice, int64_t most) {
  const AxisCase c = random_axis_case(dice, most);
  std::vector<T> x = whole_numbers<T>(dice, count(c.x)), src;
  for (int64_t i = 0; i < count(c.index); i++) src.push_back(static_cast<T>(dice.between(0, 3)));
  const std::vector<int64_t> index =
      random_ids<int64_t>(dice, count(c.index), c.x[static_cast<size_t>(c.axis)]);
  for (const std::string name : {"scatterMul", "scatterMax", "scatterMin"}) {
    std::vector<T> want = x;
    for_each_position(
        c, [&](int64_t i) { return index[static_cast<size_t>(i)]; },
        [&](size_t i, size_t offset) {
          T& old = want[offset];
          old = name == "scatterMul"   ? static_cast<T>(old * src[i])
                : name == "scatterMax" ? std::max(old, src[i])
                                       : std::min(old, src[i]);
        });
    InstrCase combine(index_ops(), name);
    combine.in(x, c.x);
    combine.in(index, c.index);
    combine.in(src, c.index);
    combine.instr.attrs = {static_cast<double>(c.axis)};
    const View y = combine.out<T>(c.x);
    combine.run();
    EXPECT(combine.read<T>(y) == want);
  }
}

template <class T>
void check_window(Dice& dice, int64_t most) {
  AxisCase c = random_axis_case(dice, most);
  const auto axis = static_cast<size_t>(c.axis);
  std::vector<int64_t> window = c.x;
  window[axis] = dice.between(0, c.x[axis]);
  const int64_t room = c.x[axis] - window[axis], start = dice.between(-2, room + 2);
  const bool fits = start >= 0 && start <= room;
  const std::vector<T> x = whole_numbers<T>(dice, count(c.x)),
                       part = whole_numbers<T>(dice, count(window));
  InstrCase slice(index_ops(), "dynamicSlice"), update(index_ops(), "dynamicUpdate");
  slice.in(x, c.x), update.in(part, window);
  for (InstrCase* one : {&slice, &update}) {
    one->in(std::vector<int64_t>{start}, {1});
    one->instr.attrs = {static_cast<double>(c.axis)};
  }
  const View y = slice.out<T>(window), whole = update.out<T>(c.x);
  if (!x.empty()) std::memcpy(update.at(whole), x.data(), x.size() * sizeof(T));
  slice.run(), update.run();
  EXPECT((slice.failure.code == 0) == fits);
  if (!fits) {
    EXPECT(slice.failure.b == c.x[axis] && update.failure.code == 0 && update.read<T>(whole) == x);
    return;
  }
  std::vector<T> sliced(part.size()), updated = x;
  AxisCase inside = c;
  inside.index = window;
  int64_t inner = 1;
  for (size_t d = axis + 1; d < window.size(); d++) inner *= window[d];
  for_each_position(
      inside, [&](int64_t i) { return start + i / inner % window[axis]; },
      [&](size_t i, size_t offset) { sliced[i] = x[offset], updated[offset] = part[i]; });
  EXPECT(slice.read<T>(y) == sliced);
  EXPECT(update.read<T>(whole) == updated);
}

void expect_index_failure(InstrCase& c, int64_t index, int64_t size) {
  c.instr.index = 5;
  c.run();
  EXPECT(c.failure.code == static_cast<int32_t>(FailureCode::index));
  EXPECT(c.failure.a == index && c.failure.b == size && c.failure.instr == 5);
}

void check_bad_indices() {
  for (const int64_t bad :
       {int64_t{-1}, int64_t{4}, std::numeric_limits<int64_t>::min(), int64_t{1} << 40}) {
    InstrCase take(index_ops(), "take");
    take.in(std::vector<float>(8), {1, 4, 2});
    take.in(std::vector<int64_t>{3, bad, 0}, {3});
    take.out<float>({1, 3, 2});
    expect_index_failure(take, bad, 4);
    InstrCase add(index_ops(), "takeAdd");
    add.in(std::vector<int64_t>{3, bad, 0, 1}, {4});
    add.in(std::vector<float>(8), {1, 4, 2});
    add.out<float>({1, 4, 2});
    expect_index_failure(add, bad, 4);
    for (const char* name : {"gather", "scatter", "scatterAdd"}) {
      for (const bool last : {false, true}) {
        InstrCase c(index_ops(), name);
        const std::vector<int64_t> x =
            last ? std::vector<int64_t>{2, 4} : std::vector<int64_t>{4, 2};
        c.in(std::vector<double>(8), x);
        c.in(std::vector<int64_t>{0, 3, bad, 1}, {2, 2});
        c.instr.attrs = {last ? 1.0 : 0.0};
        const bool gather = std::string(name) == "gather";
        if (!gather) c.in(std::vector<double>(4), {2, 2});
        c.out<double>(gather ? std::vector<int64_t>{2, 2} : x);
        expect_index_failure(c, bad, 4);
      }
    }
  }
}

void check_ranges() {
  const double inf = std::numeric_limits<double>::infinity();
  const auto run = [](auto value, double low, double high) {
    InstrCase c(index_ops(), "checkRange");
    c.in(std::vector<decltype(value)>{value, value}, {2});
    c.instr.attrs = {low, high};
    c.run();
    return c.failure.code.load() == 0;
  };
  EXPECT(run(int64_t{3}, 3, 3) && run(int64_t{3}, -inf, inf) && !run(int64_t{3}, 3.5, 9) &&
         !run(int64_t{3}, 0, 2.9));
  EXPECT(run(std::numeric_limits<int64_t>::max(), 0, 1e300) &&
         !run(std::numeric_limits<int64_t>::max(), 1e300, inf));
  EXPECT(run(0.5, 0, 1) && !run(-0.5, 0, 1) && !run(std::nan(""), -inf, inf));
  InstrCase c(index_ops(), "checkRange");
  c.in(std::vector<int64_t>{1, 9, -2}, {3});
  c.instr.attrs = {0, 8};
  expect_index_failure(c, 9, 9);
}

void check_refused() {
  for (const char* name : {"take", "takeAdd", "gather", "scatter", "scatterAdd", "scatterMax",
                           "dynamicSlice", "dynamicUpdate"}) {
    const std::string op = name;
    const auto make = [=] {
      auto c = std::make_unique<InstrCase>(index_ops(), op);
      const std::vector<float> x(24), part(12);
      const std::vector<int64_t> ids(2), index(12), start(1);
      if (op == "take") c->in(x, {2, 4, 3}), c->in(ids, {2}), c->out<float>({2, 2, 3});
      if (op == "takeAdd") c->in(ids, {2}), c->in(part, {2, 2, 3}), c->out<float>({2, 4, 3});
      if (op == "gather") c->in(x, {2, 4, 3}), c->in(index, {2, 2, 3}), c->out<float>({2, 2, 3});
      if (op.rfind("scatter", 0) == 0) {
        c->in(x, {2, 4, 3}), c->in(index, {2, 2, 3}), c->in(part, {2, 2, 3}),
            c->out<float>({2, 4, 3});
      }
      if (op == "dynamicSlice") c->in(x, {2, 4, 3}), c->in(start, {1}), c->out<float>({2, 2, 3});
      if (op == "dynamicUpdate")
        c->in(part, {2, 2, 3}), c->in(start, {1}), c->out<float>({2, 4, 3});
      if (op.rfind("take", 0) != 0) c->instr.attrs = {1};
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
  }
}

template <class T>
void check_dtype(Dice& dice, int rounds) {
  for (int i = 0; i < rounds; i++) {
    check_take<T, int64_t>(dice, 1), check_take<T, int32_t>(dice, 1);
    check_axis<T>(dice, 6);
    if (i < 60) check_combined<T>(dice, 5);
    check_window<T>(dice, 6);
  }
}

}  // namespace

int main() {
  Dice dice(1);
  check_dtype<float>(dice, 200);
  check_dtype<double>(dice, 60);
  check_dtype<int64_t>(dice, 60);
  check_dtype<int32_t>(dice, 60);
  check_dtype<int16_t>(dice, 60);
  check_dtype<int8_t>(dice, 60);
  check_dtype<uint8_t>(dice, 60);
  for (int i = 0; i < 8; i++) check_take<float, int64_t>(dice, 30);
  for (int i = 0; i < 12; i++) check_axis<float>(dice, 24), check_window<float>(dice, 24);
  check_bad_indices();
  check_ranges();
  check_refused();
  return result("index");
}
