// The queue, the pool and the executor, with ops of the test's own.
#include <cstdlib>
#include <numeric>
#include <random>

#include "engine/decode.h"
#include "engine/environment.h"
#include "engine/pool.h"
#include "test/expect.h"
#include "test/plan_words.h"
#include "test/tiny_ops.h"

namespace tenon::test {
namespace {

using Doubles = std::vector<double>;

std::shared_ptr<const Plan> decode(const PlanWords& plan) {
  const Doubles words = plan.words();
  DecodedPlan decoded = decode_plan(words.data(), words.size(), nullptr, 0, tiny_ops());
  expect(decoded.plan != nullptr, decoded.error, __FILE__, __LINE__);
  return std::move(decoded.plan);
}

Bytes bytes_of(Doubles& values) {
  return {reinterpret_cast<std::byte*>(values.data()), static_cast<int64_t>(values.size() * 8)};
}

// One environment, as the binding would have it.
class Session {
 public:
  ~Session() { environment->close(); }

  std::shared_ptr<Run> make(std::shared_ptr<const Plan> plan, Doubles* in, Doubles* out,
                            std::shared_ptr<AlignedBytes> variable = nullptr) {
    auto run = std::make_shared<Run>(std::move(plan));
    std::vector<Bytes> ins, outs;
    std::vector<std::shared_ptr<AlignedBytes>> variables;
    if (in) ins.push_back(bytes_of(*in));
    if (out) outs.push_back(bytes_of(*out));
    if (variable) variables.push_back(std::move(variable));
    const std::string error =
        run->bind({.inputs = ins, .outputs = outs, .operands = {}, .variables = variables});
    expect(error.empty(), error, __FILE__, __LINE__);
    return run;
  }
  std::shared_ptr<Run> submit(std::shared_ptr<Run> run, const std::vector<uint64_t>& after = {}) {
    EXPECT(!environment->submit(run, after));
    return run;
  }
  FailureCode wait(const std::shared_ptr<Run>& run) {
    environment->wait_idle();
    return static_cast<FailureCode>(run->failure.code.load());
  }

  std::atomic<int> notified{0};
  std::shared_ptr<Environment> environment = std::make_shared<Environment>(
      [](void* context) { static_cast<Session*>(context)->notified++; }, this);
};

// y = x + x
PlanWords twice(double n) {
  PlanWords plan;
  plan.inputs = plan.outputs = 1;
  plan.add_view(plan.add_buffer({Space::input, 0, DType::f64, n}), {n});
  plan.add_view(plan.add_buffer({Space::output, 0, DType::f64, n}), {n});
  plan.add({kAdd, {1}, {0, 0}, {}, {}, {}});
  return plan;
}

// variable += x, after whatever `before` adds in front of the commit.
template <class Before, class After>
PlanWords accumulate(double n, const Before& before, const After& after) {
  PlanWords plan;
  plan.inputs = plan.variables = 1;
  plan.add_view(plan.add_buffer({Space::input, 0, DType::f64, n}), {n});
  plan.add_view(plan.add_buffer({Space::variable, 0, DType::f64, n}), {n});
  before(plan);
  plan.add({kCommit, {}, {}, {}, {}, {}});
  plan.add({kAdd, {1}, {1, 0}, {}, {}, {}});
  after(plan);
  return plan;
}
void nothing(PlanWords&) {}

PlanWords sleeping(double times, double chunks, double microseconds) {
  PlanWords plan;
  for (int i = 0; i < times; ++i) plan.add({kSleep, {}, {}, {chunks, microseconds}, {}, {}});
  return plan;
}

std::shared_ptr<AlignedBytes> variable(int64_t n) {
  auto storage = std::make_shared<AlignedBytes>();
  EXPECT(storage->allocate(n * 8));
  return storage;
}
double first(const std::shared_ptr<AlignedBytes>& storage) {
  return *reinterpret_cast<double*>(storage->data());
}

void test_times_instructions() {
  Session session;
  const auto plan = decode(sleeping(2, 1, 2000));
  const auto run = session.make(plan, nullptr, nullptr);
  Doubles words(static_cast<size_t>(Times::least(plan->num_instrs) + Times::kEvent), -1);
  words[0] = 0;
  for (int i = 0; i < 4; ++i) words[3 + i] = 0;
  run->times = {words.data(), static_cast<int64_t>(words.size()), plan->num_instrs};
  EXPECT(session.wait(session.submit(run)) == FailureCode::none);
  EXPECT(words[0] == 2 && words[4] == 1 && words[6] == 1);
  EXPECT(words[3] >= 0.002 && words[5] >= 0.002 && words[2] - words[1] >= words[3] + words[5]);
  // There is room for the first execution only.
  EXPECT(words[7] == 0 && words[8] >= words[1] && words[9] <= words[2]);
}

void test_runs_in_order() {
  Session session;
  Doubles x(1000, 1.5), y(1000);
  const auto run = session.submit(session.make(decode(twice(1000)), &x, &y));
  EXPECT(session.wait(run) == FailureCode::none);
  EXPECT(y == Doubles(1000, 3));
  EXPECT(session.notified == 1);
  EXPECT(session.environment->take_finished() == run && !session.environment->take_finished());

  const auto plan = decode(accumulate(4, nothing, nothing));
  const auto storage = variable(4);
  Doubles one(4, 1);
  for (int i = 0; i < 200; ++i) session.submit(session.make(plan, &one, nullptr, storage));
  EXPECT(!session.environment->run_sync(*session.make(plan, &one, nullptr, storage), {}));
  EXPECT(first(storage) == 201);
  uint64_t last = 0;
  int taken = 0;
  for (; auto done = session.environment->take_finished(); ++taken) {
    EXPECT(done->id > last);
    last = done->id;
  }
  EXPECT(taken == 200);
  EXPECT(session.environment->in_flight() == 0);
}

void test_binding_is_checked() {
  const auto plan = decode(accumulate(4, nothing, nothing));
  Doubles x(4), little(3);
  const auto bind = [&](Doubles& in, const std::shared_ptr<AlignedBytes>& storage,
                        size_t operands) {
    const Doubles given(operands);
    const Bytes input = bytes_of(in);
    Run run(plan);
    return run.bind(
        {.inputs = {&input, 1}, .outputs = {}, .operands = given, .variables = {&storage, 1}});
  };
  EXPECT(bind(x, variable(4), 0).empty());
  EXPECT_TEXT(bind(little, variable(4), 0), "input 0 needs 32 bytes, got 24");
  EXPECT_TEXT(bind(x, variable(5), 0), "variable 0 needs 32 bytes, got 40");
  EXPECT_TEXT(bind(x, variable(4), 1), "operands");
  Run run(plan);
  EXPECT_TEXT(run.bind({}), "needs 1 inputs, got 0");
}

void test_failure() {
  Session session;
  const auto failing = decode(accumulate(
      4,
      [](PlanWords& p) {
        p.add({kFail, {}, {}, {}, {}, {}});
      },
      nothing));
  const auto plan = decode(accumulate(4, nothing, nothing));
  const auto storage = variable(4);
  Doubles one(4, 1);
  const auto failed = session.submit(session.make(failing, &one, nullptr, storage));
  const auto other = session.submit(session.make(plan, &one, nullptr, storage));
  const auto child = session.submit(session.make(plan, &one, nullptr, storage), {failed->id});
  const auto grandchild =
      session.submit(session.make(plan, &one, nullptr, storage), {other->id, child->id});
  const auto stranger =
      session.submit(session.make(plan, &one, nullptr, storage), {other->id, 12345});
  session.environment->wait_idle();
  EXPECT(session.wait(failed) == FailureCode::index && failed->failure.instr == 0);
  EXPECT(failed->failure.a == 7 && failed->failure.b == 5);
  EXPECT(session.wait(other) == FailureCode::none);
  EXPECT(session.wait(child) == FailureCode::dependency);
  EXPECT(child->failure.a == static_cast<int64_t>(failed->id));
  EXPECT(session.wait(grandchild) == FailureCode::dependency);
  EXPECT(session.wait(stranger) == FailureCode::none);
  EXPECT(first(storage) == 2);
  const auto sync = session.make(plan, &one, nullptr, storage);
  EXPECT(!session.environment->run_sync(*sync, std::vector{child->id}));
  EXPECT(sync->failed() && first(storage) == 2);
}

void test_cancel() {
  Session session;
  const auto nap = [](PlanWords& p) { p.add({kSleep, {}, {}, {40, 1000}, {}, {}}); };
  const auto storage = variable(4);
  Doubles one(4, 1);
  const auto early = decode(accumulate(4, nap, nothing)),
             late = decode(accumulate(4, nothing, nap));
  const auto active = session.submit(session.make(early, &one, nullptr, storage));
  const auto queued = session.submit(session.make(early, &one, nullptr, storage));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  session.environment->cancel(queued->id);
  session.environment->cancel(active->id);
  EXPECT(session.wait(active) == FailureCode::cancelled);
  EXPECT(session.wait(queued) == FailureCode::cancelled);
  EXPECT(first(storage) == 0);
  const auto committed = session.submit(session.make(late, &one, nullptr, storage));
  while (!committed->committed()) std::this_thread::yield();
  session.environment->cancel(committed->id);
  EXPECT(session.wait(committed) == FailureCode::none);
  EXPECT(first(storage) == 1);

  PlanWords endless;
  endless.arena_bytes = 64;
  endless.add_view(endless.add_buffer({Space::arena, 0, DType::i64, 1}), {});
  endless.add({kLoop, {0}, {}, {1, 4e15}, {}, {}});
  endless.blocks.resize(2);
  const auto looping = session.submit(session.make(decode(endless), nullptr, nullptr));
  session.environment->cancel(looping->id);
  EXPECT(session.wait(looping) == FailureCode::cancelled);
}

// x is added to y while counter < 5 (of at most 9 trips), twice each trip where counter < 2.
void test_control() {
  PlanWords plan;
  plan.arena_bytes = 192;
  plan.inputs = plan.outputs = 1;
  const double n = 300;
  const double x = plan.add_view(plan.add_buffer({Space::input, 0, DType::f64, n}), {n});
  const double y = plan.add_view(plan.add_buffer({Space::output, 0, DType::f64, n}), {n});
  const double counter = plan.add_view(plan.add_buffer({Space::arena, 0, DType::i64, 1}), {});
  const double more = plan.add_view(plan.add_buffer({Space::arena, 64, DType::boolean, 1}), {});
  const double early = plan.add_view(plan.add_buffer({Space::arena, 128, DType::boolean, 1}), {1});
  const InstrWords add = {kAdd, {y}, {y, x}, {}, {}, {}};
  plan.add({kLess, {more}, {counter}, {1}, {}, {}});
  plan.add({kLoop, {counter}, {more}, {1, 9}, {}, {}});
  plan.add(add, 1);
  plan.add({kLess, {early}, {counter}, {2}, {}, {}}, 1);
  plan.add({kCond, {}, {early}, {2, 3}, {}, {}}, 1);
  plan.add({kLess, {more}, {counter}, {4}, {}, {}}, 1);
  plan.add(add, 2);
  plan.blocks.resize(4);
  const auto decoded = decode(plan);
  for (const int threads : {1, 4}) {
    Pool::instance().set_threads(threads);
    Session session;
    Doubles in(300, 1), out(300);
    EXPECT(session.wait(session.submit(session.make(decoded, &in, &out))) == FailureCode::none);
    EXPECT(out == Doubles(300, 7));
  }
}

void test_threads_agree() {
  constexpr int64_t kChunks = 500;
  PlanWords plan;
  plan.inputs = plan.outputs = 1;
  plan.add_view(plan.add_buffer({Space::input, 0, DType::f64, kChunks * kTinyChunk}),
                {double{kChunks * kTinyChunk}});
  plan.add_view(plan.add_buffer({Space::output, 0, DType::f64, kChunks}), {double{kChunks}});
  for (int i = 0; i < 20; ++i) plan.add({kPartials, {1}, {0}, {}, {}, {}});
  const auto decoded = decode(plan);
  Doubles x(kChunks * kTinyChunk), expected;
  std::mt19937 random(1);
  for (double& value : x) value = std::uniform_real_distribution<>(-1, 1)(random);
  Session session;
  for (const int threads : {1, 4, 2, 7, 1}) {
    Pool::instance().set_threads(threads);
    EXPECT(Pool::instance().threads() == threads);
    Doubles sync(kChunks), queued(kChunks);
    EXPECT(session.wait(session.submit(session.make(decoded, &x, &queued))) == FailureCode::none);
    EXPECT(!session.environment->run_sync(*session.make(decoded, &x, &sync), {}));
    if (expected.empty()) expected = sync;
    EXPECT(sync == expected && queued == expected);
  }
}

void test_takes_turns() {
  Pool::instance().set_threads(1);
  Session slow, quick;
  const auto first_run = slow.submit(slow.make(decode(sleeping(200, 1, 500)), nullptr, nullptr));
  Doubles x(10, 1), y(10);
  const auto second = quick.submit(quick.make(decode(twice(10)), &x, &y));
  EXPECT(quick.wait(second) == FailureCode::none);
  EXPECT(!slow.environment->take_finished());  // some 100 ms of work are still ahead
  slow.environment->cancel(first_run->id);
  slow.environment->wait_idle();
}

void test_arena() {
  Session session;
  const auto with_arena = [](double bytes) {
    PlanWords plan = twice(8);
    plan.arena_bytes = bytes;
    return decode(plan);
  };
  Doubles x(8, 1), y(8);
  for (const double bytes : {100.0, 1e7, 2000.0, 3e7}) {
    EXPECT(session.wait(session.submit(session.make(with_arena(bytes), &x, &y))) ==
           FailureCode::none);
  }
  EXPECT(session.environment->arena_bytes() >= 3e7 && session.environment->arena_bytes() < 3.1e7);
  const auto shortage = session.environment->submit(session.make(with_arena(6e13), &x, &y), {});
  EXPECT(shortage && shortage->needed >= 6e13 && shortage->available < shortage->needed);
  setenv("TENON_MEMORY_LIMIT", "35000000", 1);
  EXPECT(session.environment->submit(session.make(with_arena(4e7), &x, &y), {}).has_value());
  EXPECT(session.wait(session.submit(session.make(with_arena(3.4e7), &x, &y))) ==
         FailureCode::none);
  unsetenv("TENON_MEMORY_LIMIT");
  session.environment->close();
}

void test_close() {
  Pool::instance().set_threads(2);
  for (int i = 0; i < 50; ++i) {
    Session session;
    for (int k = 0; k < 5; ++k) {
      session.submit(session.make(decode(sleeping(3, 50, 20)), nullptr, nullptr));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(i * 20));
    session.environment->close();
    session.environment->close();
    EXPECT(session.environment->in_flight() == 0);
  }
}

// Several JavaScript threads at once, with everything that they may do, while the number of threads
// changes.
void test_stress() {
  constexpr int kSessions = 4, kRounds = 300;
  std::atomic<bool> done{false};
  const auto plan = decode(accumulate(1000, nothing, nothing));
  const auto use = [&plan](unsigned seed) {
    std::mt19937 random(seed);
    Session session;
    const auto storage = variable(1000);
    Doubles one(1000, 1);
    double expected = 0;
    std::vector<std::shared_ptr<Run>> runs;
    for (int i = 0; i < kRounds; ++i) {
      const auto run = session.make(plan, &one, nullptr, storage);
      if (random() % 4 == 0) {
        EXPECT(!session.environment->run_sync(*run, {}));
      } else {
        session.submit(run);
      }
      if (random() % 8 == 0) session.environment->cancel(run->id);
      runs.push_back(run);
      if (random() % 16 == 0) {
        while (session.environment->take_finished()) {
        }
      }
    }
    session.environment->wait_idle();
    for (const auto& run : runs) expected += run->failed() ? 0 : 1;
    EXPECT(first(storage) == expected && expected > kRounds / 2);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kSessions; ++i) threads.emplace_back(use, i);
  std::thread changer([&done] {
    for (int n = 1; !done; n = n % 6 + 1) {
      Pool::instance().set_threads(n);
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  changer.join();
}

}  // namespace
}  // namespace tenon::test

int main() {
  using namespace tenon;
  using namespace tenon::test;
  Pool::instance().set_threads(4);
  test_times_instructions();
  test_runs_in_order();
  test_binding_is_checked();
  test_failure();
  test_cancel();
  test_control();
  test_threads_agree();
  test_takes_turns();
  test_arena();
  test_close();
  test_stress();
  return result("engine");
}
