// Plausible programs, one template for each family of ops: what the fuzzer mutates.
#pragma once

#include "kernels/map_functions.h"
#include "test/fuzz_builder.h"

namespace tenon::test {

// A program of map over values of these dtypes, well typed; the result's dtype is put into
// `results`.
inline Dims map_attrs(FuzzBuilder& b, std::vector<DType> values, std::vector<DType>& results) {
  const auto& functions = map_functions();
  const int64_t wanted = b.random.between(1, 8);
  Dims steps;
  double num_steps = 0;
  const auto value_of = [&](DType dtype) {
    std::vector<double> fitting;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] == dtype) fitting.push_back(static_cast<double>(i));
    }
    return fitting.empty() ? -1 : b.random.of(fitting);
  };
  for (int64_t tries = 0; num_steps < static_cast<double>(wanted) && tries < 60; ++tries) {
    const auto fn = static_cast<size_t>(b.random.below(static_cast<int64_t>(functions.size())));
    const MapFunction& f = functions[fn];
    DType dtype = b.random.of(values);
    double sources[3] = {-1, -1, -1};
    DType result = dtype;
    for (int i = 0; i < f.num_sources; ++i) sources[i] = value_of(dtype);
    if (f.kind == MapKind::compare) result = DType::boolean;
    if (f.kind == MapKind::choose) sources[0] = value_of(DType::boolean);
    if (f.kind == MapKind::convert) result = b.any_dtype();
    if (f.kind == MapKind::generate) {
      result = b.random.of(std::vector{DType::f32, DType::f64, DType::i64});
      for (int i = 0; i < f.num_sources; ++i) sources[i] = value_of(DType::f64);
      dtype = result;
    }
    const bool known = f.kind == MapKind::convert || f.kernels[static_cast<int>(dtype)] != nullptr;
    const bool complete =
        std::all_of(sources, sources + f.num_sources, [](double s) { return s >= 0; });
    if (!known || !complete) continue;
    steps.insert(steps.end(), {double(fn), double(static_cast<int>(result)), sources[0], sources[1],
                               sources[2]});
    values.push_back(result);
    num_steps++;
  }
  Dims attrs = {num_steps};
  attrs.insert(attrs.end(), steps.begin(), steps.end());
  for (DType& result : results) {
    const auto id = static_cast<size_t>(b.random.below(static_cast<int64_t>(values.size())));
    result = values[id];
    attrs.push_back(static_cast<double>(id));
  }
  return attrs;
}

inline void map_program(FuzzBuilder& b) {
  const Dims dims = b.dims(b.random.below(5));
  Dims ins, outs;
  std::vector<DType> values, results(static_cast<size_t>(b.random.between(1, 2)));
  for (int64_t i = b.random.between(1, 5); i > 0; --i) {
    const bool is_scalar = b.random.chance(20);
    values.push_back(is_scalar ? DType::f64 : b.random.chance(50) ? DType::f32 : b.any_dtype());
    if (is_scalar) {
      ins.push_back(
          b.plan.add_view({b.buffer(Space::operand, DType::f64, 1), 0, dims, Dims(dims.size())}));
    } else {
      ins.push_back(b.strided(values.back(), dims, false));
    }
  }
  const Dims attrs = map_attrs(b, values, results);
  for (DType dtype : results) outs.push_back(b.strided(dtype, dims, true));
  b.emit("map", outs, ins, attrs);
}

// An epilogue for a y of these dims that keeps its dtype, most of the time.
inline Dims epilogue(FuzzBuilder& b, DType dtype, const Dims& dims, Dims& ins) {
  if (b.random.chance(50)) return {};
  std::vector<DType> values = {dtype}, results(1);
  for (int64_t i = b.random.below(3); i > 0; --i) {
    values.push_back(dtype);
    ins.push_back(b.strided(dtype, dims, false));
  }
  Dims attrs = map_attrs(b, values, results);
  if (results[0] != dtype) attrs.back() = 0;
  return attrs;
}

inline void reduce_program(FuzzBuilder& b) {
  static const std::vector<const char*> names = {"sum", "prod", "max", "min", "argMax", "argMin"};
  const char* name = b.random.of(names);
  const bool picks = name[0] == 'a';
  const DType dtype = b.random.chance(60) ? b.real() : b.any_dtype();
  Dims x = b.dims(3);
  Dims outs;
  if (b.random.chance(4)) {
    x = {1, 65536 + double(b.random.below(99)), 1};
    outs.push_back(b.out(dtype, {std::ceil(x[1] / 32768), 1, 1}));
    if (dtype == DType::f32 && name[0] != 'm')
      outs[0] = b.out(DType::f64, {std::ceil(x[1] / 32768), 1, 1});
  }
  outs.insert(outs.begin(), b.out(picks ? DType::i64 : dtype, {x[0], x[2]}));
  if (picks) outs.resize(1);
  b.emit(name, outs, {b.in(dtype, x)});
}

inline void rows_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  const Dims dims = b.dims(2), rows = {dims[0]};
  const auto x = [&] { return b.in(dtype, dims); };
  const auto y = [&] { return b.out(dtype, dims); };
  switch (b.random.below(8)) {
    case 0:
      return b.emit("softmax", {y()}, {x()});
    case 1:
      return b.emit("logSoftmax", {y()}, {x()});
    case 2:
      return b.emit("softmaxGrad", {y()}, {x(), x()});
    case 3:
      return b.emit("logSoftmaxGrad", {y()}, {x(), x()});
    case 4:
      return b.emit("standardize", {y(), b.out(dtype, rows)}, {x()}, {1e-5});
    case 5:
      return b.emit("layerNorm", {y(), b.out(DType::f64, rows), b.out(DType::f64, rows)},
                    {x(), b.in(dtype, {dims[1]}), b.in(dtype, {dims[1]})}, {1e-5});
    case 6:
      return b.emit(
          "layerNormGrad",
          {y(), b.out(dtype, {dims[1]}), b.out(dtype, {dims[1]}),
           b.out(DType::f64, {3, 2 * dims[1]})},
          {x(), b.in(dtype, {dims[1]}), b.in(DType::f64, rows), b.in(DType::f64, rows), x()});
    default:
      return b.emit("standardizeGrad", {y()}, {x(), b.in(dtype, rows), x()});
  }
}

inline void attention_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  const double heads = b.dims(1)[0], batch = b.dims(1)[0], tq = b.dims(1)[0], tk = b.dims(1)[0];
  const Dims width = b.dims(2);
  const double groups = b.random.chance(50) ? heads : 1;
  const Dims q = {batch, heads, tq, width[0]}, k = {batch, groups, tk, width[0]};
  const Dims v = {batch, groups, tk, width[1]}, o = {batch, heads, tq, width[1]};
  Dims ins = {b.in(dtype, q), b.in(dtype, k), b.in(dtype, v)}, attrs = {0.5};
  for (int i = 0; i < 4; ++i) attrs.push_back(static_cast<double>(b.random.below(2)));
  const Dims scores = {batch, heads, tq, tk}, rows = {batch, heads, tq};
  if (attrs[2] > 0) ins.push_back(b.in(b.random.chance(50) ? DType::boolean : dtype, scores));
  if (attrs[3] > 0) ins.push_back(b.in(DType::i64, {batch}));
  for (int i = 0; attrs[4] > 0 && i < 4; ++i) ins.push_back(b.scalar());
  if (b.random.chance(50)) {
    return b.emit("attention", {b.out(dtype, o), b.out(dtype, rows)}, ins, attrs);
  }
  ins.insert(ins.end(), {b.in(dtype, o), b.in(dtype, rows), b.in(dtype, o)});
  b.emit("attentionGrad", {b.out(dtype, q), b.out(dtype, k), b.out(dtype, v), b.out(dtype, rows)},
         ins, attrs);
}

inline void update_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  const Dims dims = b.dims(b.random.below(3));
  const bool adam = b.random.chance(50);
  Dims outs, ins = {b.in(dtype, dims)};
  const int64_t states = adam ? b.random.between(3, 4) : b.random.between(1, 2);
  for (int64_t i = 0; i < states; ++i) outs.push_back(b.out(dtype, dims));
  for (int i = 0; i < (adam ? 7 : 5); ++i) ins.push_back(b.scalar());
  const bool flag = adam || states == 2;  // nesterov needs a buffer
  const auto coin = [&b] { return static_cast<double>(b.random.below(2)); };
  b.emit(adam ? "adam" : "sgd", outs, ins, {flag ? coin() : 0, coin()});
}

inline void matmul_program(FuzzBuilder& b) {
  static const std::vector<DType> dtypes = {DType::f32, DType::f32, DType::f64, DType::i32,
                                            DType::i64};
  const DType dtype = b.random.of(dtypes);
  Dims batch = b.dims(b.random.below(3));
  const double m = b.dim(), n = b.dim(), k = b.dim();
  Dims y = batch;
  y.insert(y.end(), {m, n});
  // Each factor may be transposed, and broadcast along the batch.
  const auto factor = [&](double rows, double columns) {
    const bool swap = b.random.chance(40);
    ViewWords view{0, 0, batch, Dims(batch.size())};
    double extent = rows * columns;
    if (b.random.chance(60)) {
      for (size_t i = batch.size(); i-- > 0; extent *= batch[i]) view.strides[i] = extent;
    }
    view.dims.insert(view.dims.end(), {rows, columns});
    view.strides.insert(view.strides.end(), {swap ? 1 : columns, swap ? rows : 1});
    view.buffer = b.buffer(b.random.chance(50) ? Space::arena : Space::input, dtype, extent);
    return b.plan.add_view(view);
  };
  const double a = factor(m, k), c = factor(k, n), out = b.out(dtype, y);
  Dims extra;
  const Dims program = epilogue(b, dtype, y, extra);
  b.emit("matmul", {out}, {a, c}, {}, program.empty() ? Dims{} : extra, program);
}

inline void conv_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  Random& r = b.random;
  const auto small = [&r](int64_t low, int64_t high) {
    return static_cast<double>(r.between(low, high));
  };
  const double groups = r.chance(60) ? 1 : small(1, 4);
  const double batch = r.chance(5) ? 0 : small(1, 4);
  const double c = small(1, 3), o = small(1, 3), kh = small(1, 4), kw = small(1, 4);
  const double h = small(1, 12), w = small(1, 12), sh = small(1, 3), sw = small(1, 3);
  const double pt = small(0, 2), pl = small(0, 2), dh = small(1, 2), dw = small(1, 2);
  const double oh = std::max(0.0, std::floor((h + 2 * pt - dh * (kh - 1) - 1) / sh) + 1);
  const double ow = std::max(0.0, std::floor((w + 2 * pl - dw * (kw - 1) - 1) / sw) + 1);
  const Dims x = {batch, c * groups, h, w}, weight = {o * groups, c, kh, kw};
  const Dims y = {batch, o * groups, oh, ow}, attrs = {sh, sw, pt, pl, dh, dw, groups};
  Dims extra;
  switch (r.below(3)) {
    case 0: {
      const Dims program = epilogue(b, dtype, y, extra);
      return b.emit("conv2d", {b.out(dtype, y)}, {b.in(dtype, x), b.in(dtype, weight)}, attrs,
                    program.empty() ? Dims{} : extra, program);
    }
    case 1: {
      const Dims program = epilogue(b, dtype, x, extra);
      return b.emit("conv2dInput", {b.out(dtype, x)}, {b.in(dtype, y), b.in(dtype, weight)}, attrs,
                    program.empty() ? Dims{} : extra, program);
    }
    default: {
      Dims outs = {b.out(dtype, weight)};
      const double parts = std::min(batch, 8.0);
      if (parts > 1) outs.push_back(b.out(dtype, {parts, count(weight)}));
      return b.emit("conv2dWeight", outs, {b.in(dtype, x), b.in(dtype, y)}, attrs);
    }
  }
}

inline void pool_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  Random& r = b.random;
  const auto small = [&r](int64_t low, int64_t high) {
    return static_cast<double>(r.between(low, high));
  };
  const double kh = small(1, 4), kw = small(1, 4), sh = small(1, 3), sw = small(1, 3);
  const double h = small(1, 12), w = small(1, 12), pt = std::min(kh - 1, small(0, 1)),
               pl = std::min(kw - 1, small(0, 1));
  const double oh = std::max(0.0, std::floor((h + 2 * pt - kh) / sh) + 1);
  const double ow = std::max(0.0, std::floor((w + 2 * pl - kw) / sw) + 1);
  const double batch = small(1, 3), c = small(1, 3);
  const Dims x = {batch, c, h, w}, y = {batch, c, oh, ow};
  const Dims average = {kh, kw, sh, sw, pt, pl, small(0, 1), r.chance(20) ? small(1, 9) : 0,
                        pt, pl};
  switch (r.below(3)) {
    case 0:
      return b.emit("maxPool2d", {b.out(dtype, y), b.out(DType::i64, y)}, {b.in(dtype, x)},
                    {kh, kw, sh, sw, pt, pl, 1, 1});
    case 1:
      return b.emit("avgPool2d", {b.out(dtype, y)}, {b.in(dtype, x)}, average);
    default:
      return b.emit("avgPool2dGrad", {b.out(dtype, x)}, {b.in(dtype, y)}, average);
  }
}

inline void window_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  Random& r = b.random;
  const auto small = [&r](int64_t low, int64_t high) {
    return static_cast<double>(r.between(low, high));
  };
  const Dims d = b.dims(3);
  if (r.chance(40)) {
    const double lines = small(0, 4), entries = lines * 2;
    Dims attrs;
    for (double i = 0; i <= lines; i++) attrs.push_back(2 * i);
    for (double i = 0; i < entries; i++) attrs.push_back(small(0, 1));
    for (double i = 0; i < entries; i++) attrs.push_back(0.5);
    return b.emit("resample", {b.out(dtype, {d[0], lines, d[2]})}, {b.in(dtype, d)}, attrs);
  }
  const double kh = small(1, 3), kw = small(1, 3);
  const Dims y = {d[0], kh * kw, small(0, 6), small(0, 6)};
  const Dims attrs = {kh, kw, small(1, 3), small(1, 3), small(0, 2), small(0, 2), 1, small(1, 2)};
  if (r.chance(50)) return b.emit("unfold", {b.out(dtype, y)}, {b.in(dtype, d)}, attrs);
  b.emit("fold", {b.out(dtype, d)}, {b.in(dtype, y)}, attrs);
}

inline void index_program(FuzzBuilder& b) {
  const DType dtype = b.random.chance(60) ? b.real() : b.any_dtype();
  const Dims d = b.dims(4);  // outer, n, V, inner
  const Dims few = {d[0], d[1], d[3]}, all = {d[0], d[2], d[3]};
  const double ids = b.in(b.integer(), {d[1]}), index = b.in(DType::i64, few);
  switch (b.random.below(8)) {
    case 0:
      return b.emit("take", {b.out(dtype, few)}, {b.in(dtype, all), ids});
    case 1:
      return b.emit("takeAdd", {b.out(dtype, all)}, {ids, b.in(dtype, few)});
    case 2:
      return b.emit("gather", {b.out(dtype, few)}, {b.in(dtype, all), index}, {1});
    case 3:
      return b.emit("scatter", {b.out(dtype, all)}, {b.in(dtype, all), index, b.in(dtype, few)},
                    {1});
    case 4: {
      const double x = b.out(dtype, all);
      return b.emit("scatterAdd", {x},
                    {b.random.chance(50) ? x : b.in(dtype, all), index, b.in(dtype, few)}, {1});
    }
    case 5:
      return b.emit("dynamicSlice", {b.out(dtype, few)}, {b.in(dtype, all), b.in(DType::i64, {})},
                    {1});
    case 6:
      return b.emit("dynamicUpdate", {b.out(dtype, all)}, {b.in(dtype, few), b.in(DType::i64, {1})},
                    {1});
    default:
      return b.emit("checkRange", {}, {index},
                    {double(b.random.between(-2, 0)), double(b.random.between(3, 9))});
  }
}

inline void linalg_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  const Dims d = b.dims(3);
  const double n = std::min(d[1], 20.0);
  const Dims a = {d[0], n, n}, x = {d[0], n, d[2]};
  if (b.random.chance(40)) return b.emit("cholesky", {b.out(dtype, a)}, {b.in(dtype, a)});
  b.emit("solve", {b.out(dtype, x), b.out(dtype, a)}, {b.in(dtype, a), b.in(dtype, x)});
}

inline void order_program(FuzzBuilder& b) {
  static const std::vector<const char*> scans = {"cumsum", "cumprod", "logcumsumexp"};
  const DType dtype = b.random.chance(60) ? b.real() : b.any_dtype();
  const double flag = static_cast<double>(b.random.below(2));
  const Dims x = b.dims(3), rows = {x[0], x[1]};
  switch (b.random.below(5)) {
    case 0:
      return b.emit(b.random.of(scans), {b.out(dtype, x)}, {b.in(dtype, x)}, {flag});
    case 1:
      return b.emit("linearRecurrence", {b.out(dtype, x)}, {b.in(dtype, x), b.in(dtype, x)},
                    {flag});
    case 2:
      return b.emit(b.random.chance(50) ? "cummax" : "cummin",
                    {b.out(dtype, x), b.out(DType::i64, x)}, {b.in(dtype, x)}, {flag});
    case 3:
      return b.emit("searchsorted", {b.out(DType::i64, rows)},
                    {b.in(dtype, {b.random.chance(50) ? 1 : x[0], x[2]}), b.in(dtype, rows)},
                    {flag});
    default: {
      const double n = b.random.chance(20) ? 300 : x[1], k = std::min(n, n > 99 ? 280 : x[2]);
      Dims outs = {b.out(dtype, {x[0], k}), b.out(DType::i64, {x[0], k})};
      if (k > 256) {
        const double words = 2 * n * (dtype_bytes(dtype) == 8 ? 2 : 1);
        outs.push_back(b.out(DType::u64, {static_cast<double>(b.random.between(1, 3)), words}));
      }
      return b.emit("sort", outs, {b.in(dtype, {x[0], n})}, {flag});
    }
  }
}

// Any op with operands of one shape: finds its way to ops that no template knows.
inline void other_program(FuzzBuilder& b) {
  const DType dtype = b.real();
  const Dims dims = b.dims(b.random.below(5));
  Dims outs, ins, attrs;
  for (int64_t i = b.random.below(4); i > 0; --i)
    outs.push_back(b.out(b.random.chance(80) ? dtype : DType::i64, dims));
  for (int64_t i = b.random.below(4); i > 0; --i)
    ins.push_back(b.in(b.random.chance(80) ? dtype : DType::i64, dims));
  for (int64_t i = b.random.below(4); i > 0; --i)
    attrs.push_back(static_cast<double>(b.random.between(0, 3)));
  b.emit(b.random.of(op_table()).name, outs, ins, attrs);
}

inline void instruction(FuzzBuilder& b) {
  static const std::vector<void (*)(FuzzBuilder&)> templates = {
      map_program,    map_program,       map_program,    reduce_program, rows_program,
      update_program, attention_program, conv_program,   pool_program,   index_program,
      index_program,  matmul_program,    linalg_program, order_program,  window_program};
  b.random.chance(2) ? other_program(b) : b.random.of(templates)(b);
}

// Puts a control instruction into the current block, and instructions into the blocks that it
// names.
inline void control(FuzzBuilder& b) {
  const size_t here = b.block, first = b.plan.blocks.size();
  const bool loops = b.random.chance(60);
  const size_t blocks = loops ? 1 : 2;
  const double predicate = b.in(DType::boolean, {});
  b.plan.blocks.resize(first + blocks);
  if (loops) {
    const double counter = b.plan.add_view(b.buffer(Space::arena, DType::i64, 1), Dims{});
    b.emit("loop", {counter}, b.random.chance(50) ? Dims{predicate} : Dims{},
           {double(first), double(b.random.below(4))});
  } else {
    b.emit("cond", {}, {predicate}, {double(first), double(first + 1)});
  }
  for (size_t i = 0; i < blocks; ++i) {
    b.block = first + i;
    for (int64_t n = b.random.below(3); n > 0; --n) instruction(b);
    if (b.random.chance(10) && first < 6) control(b);
  }
  b.block = here;
}

inline void program(FuzzBuilder& b) {
  for (int64_t n = b.random.between(1, 4); n > 0; --n)
    b.random.chance(10) ? control(b) : instruction(b);
  if (!b.random.chance(25)) return;
  b.emit("commit", {}, {});
  b.committed = true;
  for (int64_t n = b.random.between(1, 2); n > 0; --n)
    b.random.chance(60) ? update_program(b) : map_program(b);
}

}  // namespace tenon::test
