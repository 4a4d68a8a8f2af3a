// Running plans. This is the hot path, so it speaks to Node-API directly.
#include "binding/runs.h"

#include <utility>

#include "binding/errors.h"
#include "binding/state.h"

namespace tenon {
namespace {

constexpr size_t kNumArguments = 6;
constexpr size_t kTimes = 6;  // the argument that may be left out

uint32_t length_of(Napi::Env env, napi_value array, const char* message) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, array, &length) == napi_ok, message);
  return length;
}

napi_value element_of(Napi::Env env, napi_value array, uint32_t i) {
  napi_value value = nullptr;
  check(env, napi_get_element(env, array, i, &value) == napi_ok, "cannot read an element");
  return value;
}

// A detached buffer has size 0, which the engine refuses where bytes are needed.
void read_buffers(Napi::Env env, napi_value array, std::vector<Bytes>& buffers) {
  buffers.resize(length_of(env, array, "inputs and outputs must be arrays"));
  for (uint32_t i = 0; i < buffers.size(); ++i) {
    void* data = nullptr;
    size_t bytes = 0;
    const napi_status status =
        napi_get_arraybuffer_info(env, element_of(env, array, i), &data, &bytes);
    check(env, status == napi_ok, "inputs and outputs must be ArrayBuffers");
    buffers[i] = {static_cast<std::byte*>(data), static_cast<int64_t>(bytes)};
  }
}

std::span<const double> read_operands(Napi::Env env, napi_value value) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  check(env, status == napi_ok && type == napi_float64_array, "operands must be a Float64Array");
  return {static_cast<const double*>(data), length};
}

void read_variables(Napi::Env env, napi_value array, State& state) {
  state.bound_variables.clear();
  const uint32_t length = length_of(env, array, "variables must be an array");
  for (uint32_t i = 0; i < length; ++i) {
    const auto* variable = state.variables.get(env, element_of(env, array, i));
    check(env, variable != nullptr, "variables must come from createVariable");
    if (!*variable) {
      throw coded_error(env, "DISPOSED", "variable " + std::to_string(i) + " was disposed of");
    }
    state.bound_variables.push_back(*variable);
  }
}

void read_ids(Napi::Env env, napi_value array, std::vector<uint64_t>& ids) {
  ids.clear();
  const uint32_t length = length_of(env, array, "after must be an array");
  for (uint32_t i = 0; i < length; ++i) {
    double id = 0;
    const napi_status status = napi_get_value_double(env, element_of(env, array, i), &id);
    check(env, status == napi_ok && id >= 0 && id < 9e15, "after must hold run ids");
    ids.push_back(static_cast<uint64_t>(id));
  }
}

Times read_times(Napi::Env env, napi_value value, const Plan& plan) {
  void* data = nullptr;
  size_t bytes = 0;
  const napi_status status = napi_get_arraybuffer_info(env, value, &data, &bytes);
  const auto count = static_cast<int64_t>(bytes / sizeof(double));
  check(env, status == napi_ok && count >= Times::least(plan.num_instrs),
        "times must be an ArrayBuffer with room for the plan's instructions");
  return {static_cast<double*>(data), count, plan.num_instrs};
}

// A run bound to its arguments, of which inputs and outputs must be kept alive.
std::shared_ptr<Run> read_run(Napi::Env env, State& state, const napi_value* arguments) {
  const auto* plan = state.plans.get(env, arguments[0]);
  check(env, plan != nullptr, "plan must come from createPlan");
  read_buffers(env, arguments[1], state.inputs);
  const std::span<const double> operands = read_operands(env, arguments[2]);
  read_variables(env, arguments[3], state);
  read_buffers(env, arguments[4], state.outputs);
  read_ids(env, arguments[5], state.after);
  auto run = std::make_shared<Run>(*plan);
  const std::string error = run->bind({.inputs = state.inputs,
                                       .outputs = state.outputs,
                                       .operands = operands,
                                       .variables = state.bound_variables});
  state.bound_variables.clear();  // else they would live until the next call
  if (!error.empty()) throw coded_error(env, "ARGUMENT", error);
  if (arguments[kTimes]) run->times = read_times(env, arguments[kTimes], **plan);
  return run;
}

void read_arguments(const Napi::CallbackInfo& info, napi_value* arguments) {
  check(info.Env(), info.Length() >= kNumArguments, "needs 6 arguments");
  for (size_t i = 0; i < kNumArguments; ++i) arguments[i] = info[i];
  const Napi::Value times = info[kTimes];  // undefined where it is left out
  arguments[kTimes] = times.IsUndefined() ? nullptr : static_cast<napi_value>(times);
}

// Strong references to the buffers of a run, dropped again unless the run is submitted.
class References {
 public:
  References(Napi::Env env, size_t count) : env_(env) { list_.reserve(count); }
  ~References() {
    for (napi_ref reference : list_) napi_delete_reference(env_, reference);
  }
  References(const References&) = delete;
  References& operator=(const References&) = delete;

  void add(napi_value buffer) {
    napi_ref reference = nullptr;
    check(env_, napi_create_reference(env_, buffer, 1, &reference) == napi_ok,
          "cannot hold a buffer");
    list_.push_back(reference);
  }
  void add_all(napi_value array, size_t length) {
    for (uint32_t i = 0; i < length; ++i) add(element_of(env_, array, i));
  }
  std::vector<napi_ref> release() { return std::exchange(list_, {}); }

 private:
  Napi::Env env_;
  std::vector<napi_ref> list_;
};

}  // namespace

Napi::Value submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  State& state = State::of(env);
  napi_value arguments[kNumArguments + 1];
  read_arguments(info, arguments);
  std::shared_ptr<Run> run = read_run(env, state, arguments);
  References references(env, state.inputs.size() + state.outputs.size() + 1);
  references.add_all(arguments[1], state.inputs.size());
  references.add_all(arguments[4], state.outputs.size());
  if (arguments[kTimes]) references.add(arguments[kTimes]);
  if (const auto shortage = state.environment->submit(run, state.after)) {
    throw memory_error(env, *shortage);
  }
  state.held.push_back(references.release());
  state.hold_event_loop(env);
  return Napi::Number::New(env, static_cast<double>(run->id));
}

Napi::Value run_sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  State& state = State::of(env);
  napi_value arguments[kNumArguments + 1];
  read_arguments(info, arguments);
  const std::shared_ptr<Run> run = read_run(env, state, arguments);
  if (const auto shortage = state.environment->run_sync(*run, state.after)) {
    throw memory_error(env, *shortage);
  }
  state.report_finished(env);
  if (!run->failed()) return env.Undefined();
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("code", static_cast<double>(run->failure.code.load()));
  failure.Set("instr", static_cast<double>(run->failure.instr));
  failure.Set("a", static_cast<double>(run->failure.a));
  failure.Set("b", static_cast<double>(run->failure.b));
  return failure;
}

Napi::Value on_done(const Napi::CallbackInfo& info) {
  check(info.Env(), info.Length() >= 1 && info[0].IsFunction(), "needs a function");
  State::of(info.Env()).on_done = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value wait_idle(const Napi::CallbackInfo& info) {
  State::of(info.Env()).environment->wait_idle();
  State::of(info.Env()).report_finished(info.Env());
  return info.Env().Undefined();
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  double id = -1;
  const bool given =
      info.Length() >= 1 && napi_get_value_double(info.Env(), info[0], &id) == napi_ok;
  check(info.Env(), given && id >= 0 && id < 9e15, "needs a run id");
  State::of(info.Env()).environment->cancel(static_cast<uint64_t>(id));
  return info.Env().Undefined();
}

}  // namespace tenon
