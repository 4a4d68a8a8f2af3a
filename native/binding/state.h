// What the addon keeps for one JavaScript environment.
#pragma once

#include <napi.h>

#include <deque>

#include "binding/handles.h"
#include "engine/environment.h"

namespace tenon {

struct State {
  explicit State(Napi::Env env);
  static State& of(Napi::Env env) { return *env.GetInstanceData<State>(); }

  void hold_event_loop(Napi::Env env);
  void release_first(Napi::Env env);

  std::shared_ptr<Environment> environment;
  Handles<const Plan, HandleKind::plan> plans{int64_t{16} << 20};
  Handles<AlignedBytes, HandleKind::variable> variables{int64_t{64} << 20};
  int64_t unchecked_bytes = 0;  // of variables, since the last look at what memory there is

  Napi::FunctionReference on_done;
  napi_threadsafe_function bridge = nullptr;
  // The buffers of each run that has not been reported, in order of submission. While there are
  // any, the event loop stays alive.
  std::deque<std::vector<napi_ref>> held;

  // Kept between calls for their memory.
  std::vector<Bytes> inputs, outputs;
  std::vector<std::shared_ptr<AlignedBytes>> bound_variables;
  std::vector<uint64_t> after;
};

}  // namespace tenon
