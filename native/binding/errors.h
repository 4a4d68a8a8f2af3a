// Native failures as JavaScript errors with a `code`.
#pragma once

#include <napi.h>

#include <new>
#include <string>
#include <system_error>

#include "engine/environment.h"

namespace tenon {

inline Napi::Error coded_error(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", code);
  return error;
}

inline Napi::Error memory_error(Napi::Env env, MemoryShortage shortage) {
  Napi::Error error = coded_error(env, "MEMORY",
                                  "needs " + std::to_string(shortage.needed) + " bytes, of which " +
                                      std::to_string(shortage.available) + " are available");
  error.Set("needed", static_cast<double>(shortage.needed));
  error.Set("available", static_cast<double>(shortage.available));
  return error;
}

inline void check(Napi::Env env, bool condition, const char* message) {
  if (!condition) throw coded_error(env, "ARGUMENT", message);
}

// Makes a callback from a function: no C++ exception may reach Node.
template <Napi::Value (*kFunction)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return kFunction(info);
  } catch (const std::bad_alloc&) {
    throw coded_error(info.Env(), "MEMORY", "no memory");
  } catch (const std::system_error& error) {
    throw coded_error(info.Env(), "NATIVE", error.what());
  }
}

}  // namespace tenon
