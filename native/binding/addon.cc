// The addon's interface, as docs/plan.md describes it.
#include "binding/errors.h"
#include "binding/runs.h"
#include "binding/state.h"
#include "engine/decode.h"
#include "engine/pool.h"
#include "engine/system.h"
#include "kernels/blas.h"
#include "ops/families.h"

namespace tenon {
namespace {

constexpr int64_t kCheckEvery = int64_t{1}
                                << 20;  // bytes of variables between looks at free memory
constexpr double kMostBytes = 0x1p47;

Napi::Array names(Napi::Env env, const std::vector<std::string>& list) {
  Napi::Array array = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); ++i) array.Set(i, list[i]);
  return array;
}

Napi::Value kernels(const Napi::CallbackInfo& info) {
  std::vector<std::string> list;
  for (const Op& op : op_table()) list.emplace_back(op.name);
  return names(info.Env(), list);
}

Napi::Value map_functions(const Napi::CallbackInfo& info) {
  return names(info.Env(), map_function_names());
}

// createPlan(words: Float64Array, constants: ArrayBuffer) -> { plan, scratchBytes, flops, bytes }
Napi::Value create_plan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  check(env, info.Length() >= 2 && info[0].IsTypedArray() && info[1].IsArrayBuffer(),
        "needs a Float64Array and an ArrayBuffer");
  const auto words = info[0].As<Napi::TypedArray>();
  check(env, words.TypedArrayType() == napi_float64_array, "words must be a Float64Array");
  const double* data = info[0].As<Napi::Float64Array>().Data();
  auto constants = info[1].As<Napi::ArrayBuffer>();
  DecodedPlan decoded =
      decode_plan(data, words.ElementLength(), static_cast<const std::byte*>(constants.Data()),
                  constants.ByteLength());
  if (!decoded.plan) throw coded_error(env, "PLAN", "plan: " + decoded.error);

  const std::shared_ptr<const Plan> plan = std::move(decoded.plan);
  auto flops = Napi::Float64Array::New(env, static_cast<size_t>(plan->num_instrs));
  auto bytes = Napi::Float64Array::New(env, static_cast<size_t>(plan->num_instrs));
  for (const auto& block : plan->blocks) {
    for (const Instr& instr : block) {
      flops[static_cast<size_t>(instr.index)] = instr.flops;
      bytes[static_cast<size_t>(instr.index)] = std::max(instr.bytes, 0.0);
    }
  }
  const auto decoded_bytes =
      static_cast<int64_t>(16 * words.ByteLength()) + plan->constants.bytes();
  Napi::Object result = Napi::Object::New(env);
  result.Set("scratchBytes", static_cast<double>(plan->scratch_bytes));
  result.Set("flops", flops);
  result.Set("bytes", bytes);
  result.Set("plan", State::of(env).plans.make(env, plan, decoded_bytes));
  return result;
}

// createVariable(bytes) -> External
Napi::Value create_variable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  State& state = State::of(env);
  double number = -1;
  if (info.Length() >= 1 && info[0].IsNumber()) number = info[0].As<Napi::Number>().DoubleValue();
  check(env, number >= 0 && number <= kMostBytes, "needs a number of bytes");
  const auto bytes = static_cast<int64_t>(number);
  state.unchecked_bytes += bytes;
  if (state.unchecked_bytes >= kCheckEvery) {
    state.unchecked_bytes = 0;
    int64_t free_bytes = memory_available();
    if (bytes > free_bytes) {
      state.variables.sweep(env);
      free_bytes = memory_available();
    }
    if (bytes > free_bytes) throw memory_error(env, {bytes, free_bytes});
  }
  auto storage = std::make_shared<AlignedBytes>();
  if (!storage->allocate(bytes)) throw memory_error(env, {bytes, memory_available()});
  return state.variables.make(env, std::move(storage), bytes);
}

// mapVariable(file: number | External, offset, bytes) -> External | undefined
// mapVariable(variable: External) -> External | undefined
Napi::Value map_variable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  State& state = State::of(env);
  auto storage = std::make_shared<AlignedBytes>();
  const auto number = [&](size_t i, double most) {
    const double value = info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
    check(env, value >= 0 && value <= most, "needs a file, an offset and a number of bytes");
    return static_cast<int64_t>(value);
  };
  const auto* known = state.variables.get(env, info[0]);
  check(env, known == nullptr || *known, "the variable was disposed of");
  bool is_mapped;
  if (info.Length() == 1) {
    check(env, known != nullptr, "needs a variable");
    is_mapped = storage->map_again(**known);
  } else {
    auto file =
        known ? (*known)->file() : MappableFile::duplicate(static_cast<int>(number(0, INT32_MAX)));
    is_mapped = storage->map(std::move(file), number(1, kMostBytes), number(2, kMostBytes));
  }
  if (!is_mapped) return env.Undefined();
  const int64_t bytes = storage->bytes();
  return state.variables.make(env, std::move(storage), bytes);
}

Napi::Value dispose_variable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  State& state = State::of(env);
  check(env, info.Length() >= 1 && state.variables.get(env, info[0]) != nullptr,
        "needs a variable");
  state.variables.dispose(env, info[0]);
  return env.Undefined();
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double n =
      info.Length() >= 1 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  check(env, n >= 1, "needs a number of threads");
  Pool::instance().set_threads(static_cast<int>(std::min<double>(n, kMaxThreads)));
  return env.Undefined();
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Pool::instance().threads());
}

Napi::Value available(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(memory_available()));
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const State& state = State::of(env);
  Napi::Object result = Napi::Object::New(env);
  result.Set("arenaBytes", static_cast<double>(state.environment->arena_bytes()));
  result.Set("variableBytes", static_cast<double>(state.variables.bytes()));
  result.Set("variables", static_cast<double>(state.variables.count()));
  result.Set("inFlight", static_cast<double>(state.environment->in_flight()));
  result.Set("threads", Pool::instance().threads());
  result.Set("targets", simd_target());
  result.Set("blas", std::string(openblas_get_config()) + " " + openblas_get_corename());
  return result;
}

template <Napi::Value (*kFunction)(const Napi::CallbackInfo&)>
void define(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<kFunction>>(exports.Env(), name));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(std::make_unique<State>(env).release());
  exports.Set("version", TENON_VERSION);
  define<kernels>(exports, "kernels");
  define<map_functions>(exports, "mapFunctions");
  define<create_plan>(exports, "createPlan");
  define<create_variable>(exports, "createVariable");
  define<map_variable>(exports, "mapVariable");
  define<dispose_variable>(exports, "disposeVariable");
  define<submit>(exports, "submit");
  define<run_sync>(exports, "runSync");
  define<on_done>(exports, "onDone");
  define<wait_idle>(exports, "waitIdle");
  define<cancel>(exports, "cancel");
  define<set_threads>(exports, "setThreads");
  define<threads>(exports, "threads");
  define<stats>(exports, "stats");
  define<available>(exports, "memoryAvailable");
  return exports;
}

}  // namespace
}  // namespace tenon

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return tenon::init(env, exports);
}
NODE_API_MODULE(tenon, init_addon)
