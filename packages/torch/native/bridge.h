// What every part of the bridge shares: the table of tensors that JavaScript holds by number, and the border where C++ exceptions
// become JavaScript ones. One `Bridge` lives in each JavaScript environment (main thread or worker); nothing is global.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <js_native_api.h>
#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace rfmedsam {

// A tensor's number on the JavaScript side; 0 is never given out and stands for "none".
using Handle = uint32_t;

// ArrayBuffers lent to tensors. A tensor may die on any thread and after its environment, JavaScript references only on the
// environment's thread: those that are no longer needed wait here. Shared by the bridge and the tensors that borrow.
struct Lender {
  std::mutex lock;
  std::vector<napi_ref> released;
  std::atomic<bool> waiting{false};
  bool closed = false;

  void give_back(napi_ref lent) {
    std::lock_guard<std::mutex> guard(lock);
    if (closed) return;  // the environment is gone and took the reference with it
    released.push_back(lent);
    waiting = true;
  }
};

struct Bridge {
  std::vector<at::Tensor> slots{at::Tensor()};
  std::vector<Handle> vacant;
  size_t live = 0;
  napi_ref error_factory = nullptr;
  // A list of what JavaScript threw while libtorch was between it and the call from JavaScript that is to fail with it.
  napi_ref thrown = nullptr;
  std::shared_ptr<Lender> lender = std::make_shared<Lender>();
  // The argument stack of the last operator call, empty, kept for its memory.
  std::vector<c10::IValue> spare_stack;

  ~Bridge() {
    std::lock_guard<std::mutex> guard(lender->lock);
    lender->closed = true;
  }

  Handle put(at::Tensor tensor) {
    ++live;
    if (vacant.empty()) {
      slots.push_back(std::move(tensor));
      return static_cast<Handle>(slots.size() - 1);
    }
    const Handle handle = vacant.back();
    vacant.pop_back();
    slots[handle] = std::move(tensor);
    return handle;
  }

  const at::Tensor& get(Handle handle) const {
    if (handle == 0 || handle >= slots.size() || !slots[handle].defined()) {
      throw std::runtime_error("a tensor was used after it was freed (its scope ended, or free() was called)");
    }
    return slots[handle];
  }

  // References can be made to objects only, hence the list.
  void keep_thrown(napi_env env, napi_value value) {
    napi_value list;
    if (thrown != nullptr) napi_delete_reference(env, thrown);
    thrown = nullptr;
    if (napi_create_array_with_length(env, 1, &list) != napi_ok || napi_set_element(env, list, 0, value) != napi_ok) return;
    napi_create_reference(env, list, 1, &thrown);
  }

  // Throws what waits; false if nothing does.
  bool rethrow(napi_env env) {
    napi_value list, value;
    if (thrown == nullptr) return false;
    const bool found = napi_get_reference_value(env, thrown, &list) == napi_ok && napi_get_element(env, list, 0, &value) == napi_ok;
    napi_delete_reference(env, thrown);
    thrown = nullptr;
    return found && napi_throw(env, value) == napi_ok;
  }

  void drop(Handle handle) {
    if (handle == 0 || handle >= slots.size() || !slots[handle].defined()) return;
    slots[handle].reset();
    vacant.push_back(handle);
    --live;
  }
};

// A JavaScript call that failed; the JavaScript exception is already pending.
struct Pending {};

inline void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw Pending{};
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "a JavaScript value had the wrong type");
}

Bridge& bridge_of(napi_env env);

// Turns the exception in flight into a pending JavaScript exception that names `what` was being done.
void throw_in_javascript(napi_env env, const char* what) noexcept;

// Arguments of one call from JavaScript.
struct Arguments {
  static constexpr size_t most = 32;
  napi_env env;
  size_t count = most;
  napi_value values[most];
  void* data = nullptr;

  Arguments(napi_env environment, napi_callback_info info) : env(environment) {
    check(env, napi_get_cb_info(env, info, &count, values, nullptr, &data));
  }
};

// JavaScript → C++
bool is_absent(napi_env env, napi_value value);  // undefined or null
bool is_array(napi_env env, napi_value value);
Handle handle_of(napi_env env, napi_value value);
const at::Tensor& tensor_of(napi_env env, napi_value value);
std::vector<at::Tensor> tensors_of(napi_env env, napi_value value);
std::vector<int64_t> ints_of(napi_env env, napi_value value);
int64_t int_of(napi_env env, napi_value value);
double double_of(napi_env env, napi_value value);
bool bool_of(napi_env env, napi_value value);
std::string string_of(napi_env env, napi_value value);

// C++ → JavaScript
napi_value to_js(napi_env env, at::Tensor tensor);  // a handle; 0 for an undefined tensor
napi_value to_js(napi_env env, const std::vector<at::Tensor>& tensors);
napi_value to_js(napi_env env, double value);
napi_value to_js(napi_env env, int64_t value);
napi_value to_js(napi_env env, bool value);
napi_value to_js(napi_env env, const std::string& value);
napi_value to_js(napi_env env, at::IntArrayRef values);
napi_value undefined(napi_env env);

// Runs `body(arguments)` and carries exceptions over the border.
template <typename Body>
napi_value guarded(napi_env env, napi_callback_info info, const char* what, Body body) noexcept {
  try {
    Arguments arguments(env, info);
    return body(arguments);
  } catch (...) {
    throw_in_javascript(env, what);
    return nullptr;
  }
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback);

// Each part of the bridge adds its functions to the module.
void define_dispatch(napi_env env, napi_value exports);
void define_tensors(napi_env env, napi_value exports);
void define_autograd(napi_env env, napi_value exports);
void define_recorded(napi_env env, napi_value exports);
void define_runtime(napi_env env, napi_value exports);
void define_memory(napi_env env, napi_value exports);

}  // namespace rfmedsam
