// What the addon keeps for one JavaScript environment.
#pragma once

#include <napi.h>

#include <deque>
#include <mutex>

#include "binding/handles.h"
#include "engine/environment.h"

namespace tenon {

struct State {
  explicit State(Napi::Env env);
  static State& of(Napi::Env env) { return *env.GetInstanceData<State>(); }

  // Tells JavaScript of finished runs now: a loop that never lets the event loop turn would pile
  // them up.
  void report_finished(Napi::Env env);
  void hold_event_loop(Napi::Env env);
  void release_first(Napi::Env env);

  std::shared_ptr<Environment> environment;
  Handles<const Plan, HandleKind::plan> plans{int64_t{16} << 20};
  Handles<AlignedBytes, HandleKind::variable> variables{int64_t{64} << 20};
  int64_t unchecked_bytes = 0;  // of variables, since the last look at what memory there is

  Napi::FunctionReference on_done;
  napi_threadsafe_function bridge = nullptr;

  // Node queues calls of the bridge in a std::deque, which allocates at every 64th: those calls are
  // made here, on the JavaScript thread, for nothing else, so that the engine's threads never
  // allocate.
  static constexpr uint32_t kCallsPerBlock = 512 / sizeof(void*);
  void make_allocating_calls();
  void call_bridge();  // under bridge_mutex
  std::mutex bridge_mutex;
  uint32_t num_calls = 0;

  // The buffers of each run that has not been reported, in order of submission. While there are
  // any, the event loop stays alive.
  std::deque<std::vector<napi_ref>> held;

  // Kept between calls for their memory.
  std::vector<Bytes> inputs, outputs;
  std::vector<std::shared_ptr<AlignedBytes>> bound_variables;
  std::vector<uint64_t> after;
};

}  // namespace tenon
