#pragma once

#include <napi.h>

namespace tenon {

// submit(plan, inputs, operands, variables, outputs, after, times?) -> id
Napi::Value submit(const Napi::CallbackInfo& info);
// runSync(the same) -> undefined | { code, instr, a, b }
Napi::Value run_sync(const Napi::CallbackInfo& info);
// onDone(callback: (id, code, instr, a, b) => void)
Napi::Value on_done(const Napi::CallbackInfo& info);
Napi::Value wait_idle(const Napi::CallbackInfo& info);
Napi::Value cancel(const Napi::CallbackInfo& info);

}  // namespace tenon
