// Optimiser updates in place, f32 or f64, all arrays dense and of one size; formulas in
// kernels/update.h.
//   sgd: outs [param] or [param, buffer];
//        ins [grad, lr, momentum, dampening, weightDecay, first] and maybe [go];
//        attrs [nesterov, maximize]
//   adam: outs [param, m, v] or [param, m, v, vMax];
//         ins [grad, lr, beta1, beta2, eps, weightDecay, correction1, correction2] and maybe [go];
//         attrs [decoupled, maximize]
// The ins behind grad are f64 of one element: operands, so that a schedule compiles nothing. Where
// go is 0 nothing is written.
#include "kernels/update.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

struct UpdateState : OpState {
  Cut cut;  // of units of kUnit elements
};

constexpr int64_t kUnit = 64;

std::string prepare_update(Instr& instr, double flops) {
  const View& param = instr.outs[0];
  const View& grad = instr.ins[0];
  if (!is_float(param.dtype)) return "takes f32 or f64";
  for (const View& view : instr.outs) {
    if (view.dtype != param.dtype || !view.contiguous || view.elements != param.elements) {
      return "outputs must be dense, of one dtype and size";
    }
  }
  if (grad.dtype != param.dtype || !grad.contiguous || grad.elements != param.elements) {
    return "the gradient must be dense, of the parameter's dtype and size";
  }
  for (size_t i = 1; i < instr.ins.size(); ++i) {
    if (instr.ins[i].dtype != DType::f64 || instr.ins[i].elements != 1) {
      return "numbers must be f64 of one element";
    }
  }
  for (const double attr : instr.attrs) {
    if (attr != 0 && attr != 1) return "attributes must be 0 or 1";
  }
  auto state = std::make_unique<UpdateState>();
  const double elements = static_cast<double>(param.elements);
  const size_t arrays = 1 + 2 * instr.outs.size();
  const double bytes =
      elements * static_cast<double>(arrays) * static_cast<double>(dtype_bytes(param.dtype));
  state->cut = cut_work((param.elements + kUnit - 1) / kUnit, chunk_cost(0, bytes));
  instr.chunks[0] = state->cut.chunks;
  instr.flops = flops * elements;
  instr.state = std::move(state);
  return "";
}

// body(zero of the type, first element, number of elements)
template <class F>
void with_elements(const Instr& instr, int64_t begin, int64_t end, F&& body) {
  const Cut& cut = static_cast<const UpdateState&>(*instr.state).cut;
  const View& param = instr.outs[0];
  const int64_t first = cut.first(begin) * kUnit;
  const int64_t last = std::min(cut.first(end) * kUnit, param.elements);
  if (first < last) with_float(param.dtype, [&](auto zero) { body(zero, first, last - first); });
}

std::string prepare_sgd(Instr& instr) {
  if (instr.outs.empty() || instr.outs.size() > 2 ||
      (instr.ins.size() != 6 && instr.ins.size() != 7) || instr.attrs.size() != 2) {
    return "wrong number of operands";
  }
  if (instr.outs.size() == 1 && instr.attrs[0] != 0) return "nesterov needs a buffer";
  return prepare_update(instr, 6);
}

void run_sgd(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto number = [&](size_t i) { return *frame.data<double>(instr.ins[i]); };
  if (instr.ins.size() > 6 && number(6) == 0) return;
  SgdRule rule;
  rule.lr = number(1), rule.momentum = number(2), rule.dampening = number(3);
  rule.weight_decay = number(4), rule.first = number(5) != 0;
  rule.nesterov = instr.attrs[0] != 0, rule.maximize = instr.attrs[1] != 0;
  with_elements(instr, begin, end, [&](auto zero, int64_t first, int64_t n) {
    using T = decltype(zero);
    T* buffer = instr.outs.size() > 1 ? frame.data<T>(instr.outs[1]) + first : nullptr;
    sgd_update(rule, frame.data<T>(instr.outs[0]) + first, buffer,
               frame.data<T>(instr.ins[0]) + first, n);
  });
}

std::string prepare_adam(Instr& instr) {
  if (instr.outs.size() < 3 || instr.outs.size() > 4 ||
      (instr.ins.size() != 8 && instr.ins.size() != 9) || instr.attrs.size() != 2) {
    return "wrong number of operands";
  }
  return prepare_update(instr, 16);
}

void run_adam(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto number = [&](size_t i) { return *frame.data<double>(instr.ins[i]); };
  if (instr.ins.size() > 8 && number(8) == 0) return;
  AdamRule rule;
  rule.lr = number(1), rule.beta1 = number(2), rule.beta2 = number(3), rule.eps = number(4);
  rule.weight_decay = number(5), rule.correction1 = number(6), rule.correction2 = number(7);
  rule.decoupled = instr.attrs[0] != 0, rule.maximize = instr.attrs[1] != 0;
  with_elements(instr, begin, end, [&](auto zero, int64_t first, int64_t n) {
    using T = decltype(zero);
    const auto out = [&](size_t i) { return frame.data<T>(instr.outs[i]) + first; };
    adam_update(rule, out(0), out(1), out(2), instr.outs.size() > 3 ? out(3) : nullptr,
                frame.data<T>(instr.ins[0]) + first, n);
  });
}

}  // namespace

std::vector<Op> update_ops() {
  return {{.name = "sgd", .prepare = prepare_sgd, .run = run_sgd},
          {.name = "adam", .prepare = prepare_adam, .run = run_adam}};
}

}  // namespace tenon
