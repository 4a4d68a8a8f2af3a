// Native objects that JavaScript holds as Externals. There are no finalisers, for those wait for
// the event loop: an object whose External is gone is found by looking at weak references, which V8
// clears during garbage collection, whenever what is held has grown past a limit.
#pragma once

#include <napi.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace tenon {

enum class HandleKind : uint64_t { plan = 0x6e616c706e6f6e65, variable = 0x6c6261766e6f6e65 };

template <class T, HandleKind kKind>
class Handles {
 public:
  explicit Handles(int64_t base_limit) : base_limit_(base_limit), limit_(base_limit) {}

  int64_t bytes() const { return bytes_; }
  size_t count() const { return cells_.size(); }

  Napi::Value make(Napi::Env env, std::shared_ptr<T> object, int64_t bytes) {
    bytes += kOverhead;
    make_room(env, bytes);
    auto cell = std::make_unique<Cell>();
    cell->object = std::move(object);
    napi_value external;
    NAPI_THROW_IF_FAILED(env, napi_create_external(env, cell.get(), nullptr, nullptr, &external),
                         Napi::Value());
    NAPI_THROW_IF_FAILED(env, napi_create_reference(env, external, 0, &cell->weak), Napi::Value());
    cell->bytes = bytes;
    cells_.push_back(std::move(cell));
    adjust(env, bytes);
    return Napi::Value(env, external);
  }

  // Null if the value is no handle of this kind; a pointer to null if it was disposed of.
  std::shared_ptr<T>* get(napi_env env, napi_value value) const {
    napi_valuetype type;
    void* data = nullptr;
    if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return nullptr;
    if (napi_get_value_external(env, value, &data) != napi_ok) return nullptr;
    Cell* cell = static_cast<Cell*>(data);
    return cell->kind == kKind ? &cell->object : nullptr;
  }

  void dispose(napi_env env, napi_value value) {
    void* data = nullptr;
    if (napi_get_value_external(env, value, &data) != napi_ok) return;
    Cell* cell = static_cast<Cell*>(data);
    if (!cell->object) return;
    cell->object.reset();
    adjust(env, kOverhead - cell->bytes);
    cell->bytes = kOverhead;
  }

  void sweep(napi_env env) {
    const auto dead = std::partition(cells_.begin(), cells_.end(),
                                     [env](const auto& cell) { return is_alive(env, *cell); });
    for (auto cell = dead; cell != cells_.end(); ++cell) {
      napi_delete_reference(env, (*cell)->weak);
      adjust(env, -(*cell)->bytes);
    }
    cells_.erase(dead, cells_.end());
  }

 private:
  static constexpr int64_t kOverhead = 256;  // so that many small ones count too

  struct Cell {
    HandleKind kind = kKind;  // what tells a plan from a variable
    std::shared_ptr<T> object;
    int64_t bytes = 0;
    napi_ref weak = nullptr;
  };

  static bool is_alive(napi_env env, const Cell& cell) {
    napi_handle_scope scope;
    napi_value value = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return true;
    napi_get_reference_value(env, cell.weak, &value);
    napi_close_handle_scope(env, scope);
    return value != nullptr;
  }

  // The limit follows what is alive, so that a sweep's cost is shared by as much growth.
  void make_room(napi_env env, int64_t bytes) {
    if (bytes_ + bytes <= limit_) return;
    sweep(env);
    if (bytes_ + bytes > limit_) {
      limit_ = 2 * bytes_ + bytes;
    } else if (bytes_ * 4 < limit_) {
      limit_ = std::max(base_limit_, limit_ / 2);
    }
  }

  // V8 collects sooner when it knows what its handles keep.
  void adjust(napi_env env, int64_t bytes) {
    int64_t total;
    bytes_ += bytes;
    napi_adjust_external_memory(env, bytes, &total);
  }

  std::vector<std::unique_ptr<Cell>> cells_;
  int64_t bytes_ = 0;
  const int64_t base_limit_;
  int64_t limit_;
};

}  // namespace tenon
