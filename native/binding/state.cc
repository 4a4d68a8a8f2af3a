#include "binding/state.h"

namespace tenon {
namespace {

void report(napi_env raw, State& state, const Run& run) {
  if (state.on_done.IsEmpty()) return;
  const Failure& failure = run.failure;
  const double numbers[] = {static_cast<double>(run.id), static_cast<double>(failure.code.load()),
                            static_cast<double>(failure.instr), static_cast<double>(failure.a),
                            static_cast<double>(failure.b)};
  napi_value arguments[5], self, result;
  for (int i = 0; i < 5; ++i) napi_create_double(raw, numbers[i], &arguments[i]);
  napi_get_undefined(raw, &self);
  napi_call_function(raw, self, state.on_done.Value(), 5, arguments, &result);
}

// What the callback threw is an uncaught exception like any other of the event loop.
void throw_uncaught(napi_env raw) {
  bool pending = false;
  napi_value exception;
  napi_is_exception_pending(raw, &pending);
  if (pending && napi_get_and_clear_last_exception(raw, &exception) == napi_ok) {
    napi_fatal_exception(raw, exception);
  }
}

void report_all(napi_env raw, State& state, bool rearm) {
  for (;;) {
    Napi::HandleScope scope(raw);
    const std::shared_ptr<Run> run = state.environment->take_finished(rearm);
    if (!run) return;
    state.release_first(raw);
    report(raw, state, *run);
    throw_uncaught(raw);
  }
}

// On the event loop: tells JavaScript of all runs that have finished.
void drain(napi_env raw, napi_value, void* context, void*) {
  if (!raw) return;  // the environment is going away
  State& state = *static_cast<State*>(context);
  state.make_allocating_calls();
  report_all(raw, state, true);
}

void notify(void* context) {
  State& state = *static_cast<State*>(context);
  std::lock_guard lock(state.bridge_mutex);
  state.call_bridge();
}

// After this no thread touches the environment, nor calls the bridge, which Node closes next.
void close(void* context) {
  State& state = *static_cast<State*>(context);
  state.environment->close();
  state.on_done.Reset();
  state.held.clear();  // Node drops the references themselves
}

}  // namespace

State::State(Napi::Env env) : environment(std::make_shared<Environment>(notify, this)) {
  napi_value name;
  napi_create_string_utf8(env, "tenon", NAPI_AUTO_LENGTH, &name);
  const napi_status made = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1,
                                                           nullptr, nullptr, this, drain, &bridge);
  NAPI_THROW_IF_FAILED_VOID(env, made);
  napi_unref_threadsafe_function(env, bridge);
  // Hooks run last in, first out: made after the bridge, this one runs before the bridge is closed.
  NAPI_THROW_IF_FAILED_VOID(env, napi_add_env_cleanup_hook(env, close, this));
}

void State::call_bridge() {
  num_calls++;
  napi_call_threadsafe_function(bridge, nullptr, napi_tsfn_nonblocking);
}

// At most two calls of the engine's threads fall between two looks at the number.
void State::make_allocating_calls() {
  std::lock_guard lock(bridge_mutex);
  while (num_calls % kCallsPerBlock >= kCallsPerBlock - 3) call_bridge();
}

void State::report_finished(Napi::Env env) { report_all(env, *this, false); }

void State::hold_event_loop(Napi::Env env) {
  if (held.size() == 1) napi_ref_threadsafe_function(env, bridge);
}

void State::release_first(Napi::Env env) {
  for (napi_ref reference : held.front()) napi_delete_reference(env, reference);
  held.pop_front();
  if (held.empty()) napi_unref_threadsafe_function(env, bridge);
}

}  // namespace tenon
