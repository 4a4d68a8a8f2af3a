// Every rule of docs/plan.md, broken once.
#include "engine/decode.h"

#include <cmath>
#include <functional>
#include <limits>

#include "test/expect.h"
#include "test/plan_words.h"
#include "test/tiny_ops.h"

namespace tenon::test {
namespace {

constexpr double kTwo52 = 4503599627370496.0;

DecodedPlan decode(const std::vector<double>& words, size_t constant_bytes = 128) {
  const std::vector<std::byte> constants(constant_bytes);
  return decode_plan(words.data(), words.size(), constants.data(), constants.size(), tiny_ops());
}

// y = a + b + c: an input, an output, the arena, a variable that is written after the commit, and a
// constant. Buffers and views: 0 input, 1 output, 2 arena, 3 variable, 4 constant; view 5: a bool.
PlanWords good_plan() {
  PlanWords plan;
  plan.arena_bytes = 256;
  plan.inputs = plan.outputs = plan.variables = plan.operands = 1;
  plan.add_buffer({Space::input, 0, DType::f64, 8});
  plan.add_buffer({Space::output, 0, DType::f64, 8});
  plan.add_buffer({Space::arena, 64, DType::f64, 8});
  plan.add_buffer({Space::variable, 0, DType::f64, 8});
  plan.add_buffer({Space::constant, 64, DType::f64, 8});
  plan.add_buffer({Space::arena, 0, DType::boolean, 1});
  plan.add_buffer({Space::operand, 0, DType::f64, 1});
  plan.add_buffer({Space::arena, 128, DType::i64, 1});
  for (int i = 0; i < 5; ++i) plan.add_view(i, {2, 4});
  plan.add_view(5, {});
  plan.add_view(6, {});
  plan.add_view(7, {1});
  plan.add({kAdd, {2}, {0, 4}, {}, {}, {}});
  plan.add({kCommit, {}, {}, {}, {}, {}});
  plan.add({kAdd, {3}, {2, 0}, {}, {}, {}});
  return plan;
}

void refuse(const char* title, const std::function<void(PlanWords&)>& spoil,
            const std::string& part) {
  PlanWords plan = good_plan();
  spoil(plan);
  const DecodedPlan decoded = decode(plan.words());
  expect(decoded.plan == nullptr, std::string("accepted: ") + title, __FILE__, __LINE__);
  expect(decoded.error.find(part) != std::string::npos,
         std::string(title) + ": \"" + decoded.error + "\" lacks \"" + part + "\"", __FILE__,
         __LINE__);
}

void accept(const char* title, const std::function<void(PlanWords&)>& change) {
  PlanWords plan = good_plan();
  change(plan);
  const DecodedPlan decoded = decode(plan.words());
  expect(decoded.plan != nullptr, std::string(title) + ": " + decoded.error, __FILE__, __LINE__);
}

void test_header() {
  accept("good", [](PlanWords&) {});
  refuse(
      "magic", [](PlanWords& p) { p.magic = 1; }, "no plan");
  refuse(
      "version", [](PlanWords& p) { p.version = 2; }, "version");
  refuse(
      "device", [](PlanWords& p) { p.device = 1; }, "device");
  refuse(
      "arena", [](PlanWords& p) { p.arena_bytes = std::ldexp(1.0, 46) * 2; }, "arena");
  refuse(
      "arena NaN", [](PlanWords& p) { p.arena_bytes = std::nan(""); }, "arena");
  refuse(
      "fraction", [](PlanWords& p) { p.inputs = 1.5; }, "inputs");
  refuse(
      "negative", [](PlanWords& p) { p.variables = -1; }, "variables");
  refuse(
      "lying count", [](PlanWords& p) { p.operands = 1e15; }, "operands");
  EXPECT_TEXT(decode({}).error, "ends too early");
  std::vector<double> words = good_plan().words();
  words.push_back(0);
  EXPECT_TEXT(decode(words).error, "after its end");
  // Counts of buffers, views, blocks: none may allocate more than the words could hold.
  for (size_t at : {8, 9, 10}) {
    words = good_plan().words();
    words[at] = kTwo52;
    EXPECT_TEXT(decode(words).error, "bad number of");
  }
  words = good_plan().words();
  for (size_t n = 0; n < words.size(); ++n) {
    EXPECT(!decode(std::vector<double>(words.begin(), words.begin() + static_cast<long>(n))).plan);
  }
}

void test_buffers() {
  refuse(
      "space", [](PlanWords& p) { p.buffers[0].space = static_cast<Space>(6); }, "space");
  refuse(
      "dtype", [](PlanWords& p) { p.buffers[0].dtype = static_cast<DType>(13); }, "dtype");
  refuse(
      "input index", [](PlanWords& p) { p.buffers[0].position = 1; }, "buffer 0: bad index");
  refuse(
      "output index", [](PlanWords& p) { p.buffers[1].position = 1; }, "buffer 1: bad index");
  refuse(
      "variable index", [](PlanWords& p) { p.buffers[3].position = 1; }, "bad index");
  refuse(
      "operand index", [](PlanWords& p) { p.buffers[6].position = 1; }, "bad index");
  refuse(
      "operand dtype", [](PlanWords& p) { p.buffers[6].dtype = DType::f32; }, "one f64");
  refuse(
      "operand size", [](PlanWords& p) { p.buffers[6].elements = 2; }, "one f64");
  refuse(
      "arena end", [](PlanWords& p) { p.arena_bytes = 120; }, "does not fit");
  refuse(
      "arena alignment", [](PlanWords& p) { p.buffers[2].position = 8; }, "multiple of 64");
  refuse(
      "arena position", [](PlanWords& p) { p.buffers[2].position = 320; }, "position");
  refuse(
      "constant end", [](PlanWords& p) { p.buffers[4].elements = 9; }, "does not fit");
  refuse(
      "huge", [](PlanWords& p) { p.buffers[2].elements = kTwo52; }, "does not fit");
  refuse(
      "block bytes", [](PlanWords& p) { p.buffers[0].block_bytes = 4; }, "block bytes");
  refuse(
      "blocks overflow",
      [](PlanWords& p) { p.buffers[0] = {Space::input, 0, DType::f64, kTwo52, 1, kTwo52}; },
      "block bytes");
  refuse(
      "quantised view",
      [](PlanWords& p) {
        p.buffers[0].block_elements = 32;
        p.buffers[0].block_bytes = 18;
      },
      "quantised");
}

void test_views() {
  refuse(
      "buffer", [](PlanWords& p) { p.views[0].buffer = 8; }, "view 0: bad buffer");
  refuse(
      "rank",
      [](PlanWords& p) { p.views[0].dims = p.views[0].strides = std::vector<double>(9, 1); },
      "rank");
  refuse(
      "dim", [](PlanWords& p) { p.views[0].dims[0] = -1; }, "dim");
  refuse(
      "offset", [](PlanWords& p) { p.views[0].offset = 1; }, "leaves");
  refuse(
      "negative offset", [](PlanWords& p) { p.views[0].offset = -1; }, "offset");
  refuse(
      "stride", [](PlanWords& p) { p.views[0].strides[0] = 5; }, "leaves");
  refuse(
      "negative stride", [](PlanWords& p) { p.views[0].strides[0] = -4; }, "leaves");
  refuse(
      "huge stride", [](PlanWords& p) { p.views[0].strides[0] = kTwo52; }, "leaves");
  refuse(
      "huge dims",
      [](PlanWords& p) {
        p.views[0].dims = {kTwo52, kTwo52};
      },
      "too many");
  refuse(
      "huge dims of nothing",
      [](PlanWords& p) {
        p.views[0] = {0, 0, {0, kTwo52, 2}, {1, 1, 1}};
      },
      "too many");
  refuse(
      "infinite stride",
      [](PlanWords& p) { p.views[0].strides[0] = std::numeric_limits<double>::infinity(); },
      "stride");
  refuse(
      "empty, far away",
      [](PlanWords& p) {
        p.views.push_back({0, 9, {0}, {1}});
      },
      "leaves");
  accept("empty", [](PlanWords& p) { p.views.push_back({0, 8, {0, 3}, {-kTwo52, 7}}); });
  accept("reversed", [](PlanWords& p) { p.views.push_back({0, 7, {8}, {-1}}); });
  accept("broadcast", [](PlanWords& p) { p.views.push_back({0, 7, {1000, 1000}, {0, 0}}); });
  PlanWords plan = good_plan();
  plan.views.push_back({0, 0, {2, 1, 4}, {4, 99, 1}});
  plan.add({kAdd, {2}, {static_cast<double>(plan.views.size() - 1), 0}, {}, {}, {}});
  const DecodedPlan decoded = decode(plan.words());
  EXPECT(decoded.plan && decoded.plan->blocks[0].back().ins[0].contiguous);
  plan.views.back() = {0, 0, {0, 3}, {kTwo52, -kTwo52}};
  plan.views.push_back({2, 0, {0, 3}, {3, 1}});
  const double none = static_cast<double>(plan.views.size() - 1);
  plan.blocks[0].back() = {kAdd, {none}, {none - 1, none - 1}, {}, {}, {}};
  const DecodedPlan empty = decode(plan.words());
  EXPECT(empty.plan && empty.plan->blocks[0].back().ins[0].strides[0] == 3);
}

void test_instructions() {
  refuse(
      "opcode", [](PlanWords& p) { p.blocks[0][0].opcode = 99; }, "opcode");
  refuse(
      "view id", [](PlanWords& p) { p.blocks[0][0].ins[0] = 99; }, "instruction 0 (add): bad view");
  refuse(
      "op's own check", [](PlanWords& p) { p.blocks[0][0].ins.pop_back(); }, "takes two");
  refuse(
      "writes input", [](PlanWords& p) { p.blocks[0][0].outs = {0}; }, "only read");
  refuse(
      "writes constant", [](PlanWords& p) { p.blocks[0][0].outs = {4}; }, "only read");
  refuse(
      "variable before commit", [](PlanWords& p) { p.blocks[0][0].outs = {3}; }, "after commit");
  refuse(
      "no commit", [](PlanWords& p) { p.blocks[0].erase(p.blocks[0].begin() + 1); },
      "after commit");
  refuse(
      "two commits",
      [](PlanWords& p) {
        p.add({kCommit, {}, {}, {}, {}, {}});
      },
      "twice");
  refuse(
      "fails after commit",
      [](PlanWords& p) {
        p.add({kFail, {}, {}, {}, {}, {}});
      },
      "can fail");
  refuse(
      "out with stride 0",
      [](PlanWords& p) {
        p.views.push_back({2, 0, {8}, {0}});
        p.blocks[0][0].outs = {static_cast<double>(p.views.size() - 1)};
      },
      "stride 0");
  refuse(
      "epilogue", [](PlanWords& p) { p.blocks[0][1].epilogue = {0}; }, "no epilogue");
  refuse(
      "epilogue's dims",
      [](PlanWords& p) {
        p.blocks[0][0].epilogue = {0};
        p.blocks[0][0].epilogue_ins = {5};
      },
      "other dims");
  refuse(
      "epilogue's operands alone", [](PlanWords& p) { p.blocks[0][0].epilogue_ins = {0}; },
      "without");
  std::vector<double> words = good_plan().words();
  size_t at = words.size() - 10;  // the last instruction: opcode, length, ...
  EXPECT(words[at] == double{kAdd} && words[at + 1] == 10);
  for (double length : {9.0, 11.0, 6.0, -1.0, 1e15, std::nan("")}) {
    words[at + 1] = length;
    EXPECT(!decode(words).plan);
  }
}

void test_blocks() {
  const InstrWords loop = {kLoop, {7}, {}, {1, 3}, {}, {}};
  const InstrWords cond = {kCond, {}, {5}, {1, 2}, {}, {}};
  const InstrWords add = {kAdd, {2}, {2, 0}, {}, {}, {}};
  accept("loop", [&](PlanWords& p) { p.add(loop), p.add(add, 1); });
  accept("cond", [&](PlanWords& p) { p.add(cond), p.add(add, 1), p.add(add, 2); });
  refuse(
      "missing block", [&](PlanWords& p) { p.add(loop); }, "bad block");
  refuse(
      "unnamed block", [&](PlanWords& p) { p.add(add, 1); }, "named by no");
  refuse(
      "block named twice", [&](PlanWords& p) { p.add(loop), p.add(loop), p.add(add, 1); },
      "already");
  refuse(
      "recursion",
      [&](PlanWords& p) {
        p.add(loop), p.add({kLoop, {7}, {}, {1, 3}, {}, {}}, 1);
      },
      "bad block");
  refuse(
      "itself",
      [&](PlanWords& p) {
        p.add({kLoop, {7}, {}, {0, 3}, {}, {}});
      },
      "bad block");
  refuse(
      "trips",
      [&](PlanWords& p) {
        p.add({kLoop, {7}, {}, {1, -3}, {}, {}}), p.add(add, 1);
      },
      "trips");
  refuse(
      "counter",
      [&](PlanWords& p) {
        p.add({kLoop, {5}, {}, {1, 3}, {}, {}}), p.add(add, 1);
      },
      "counter");
  refuse(
      "predicate",
      [&](PlanWords& p) {
        p.add({kLoop, {7}, {7}, {1, 3}, {}, {}}), p.add(add, 1);
      },
      "bool");
  refuse(
      "commit in a block",
      [&](PlanWords& p) {
        p.blocks[0].erase(p.blocks[0].begin() + 1, p.blocks[0].end());
        p.add(loop), p.add({kCommit, {}, {}, {}, {}, {}}, 1);
      },
      "outside block 0");
  refuse(
      "variable in a block",
      [&](PlanWords& p) {
        p.add(loop), p.add({kAdd, {3}, {2, 0}, {}, {}, {}}, 1);
      },
      "block 0");
  refuse(
      "failure in a block after commit",
      [&](PlanWords& p) {
        p.add(loop), p.add({kLoop, {7}, {}, {2, 3}, {}, {}}, 1),
            p.add({kFail, {}, {}, {}, {}, {}}, 2);
      },
      "can fail");
  accept("failure in a block before commit", [&](PlanWords& p) {
    p.blocks[0].insert(p.blocks[0].begin(), loop);
    p.add({kFail, {}, {}, {}, {}, {}}, 1);
  });
}

void test_depth() {
  PlanWords plan = good_plan();
  constexpr int kDepth = 100000;
  for (int i = 0; i < kDepth; ++i) {
    plan.add({kLoop, {7}, {}, {i + 1.0, 1}, {}, {}}, static_cast<size_t>(i));
  }
  plan.blocks.resize(kDepth + 1);
  const DecodedPlan decoded = decode(plan.words());
  EXPECT(decoded.plan && decoded.plan->depth == kDepth + 1);
}

}  // namespace
}  // namespace tenon::test

int main() {
  using namespace tenon::test;
  test_header();
  test_buffers();
  test_views();
  test_instructions();
  test_blocks();
  test_depth();
  return result("decode");
}
