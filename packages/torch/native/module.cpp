// The add-on's entry, and conversions between JavaScript values and C++ ones.
#include "bridge.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <new>

namespace rfmedsam {

Bridge& bridge_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Bridge*>(data);
}

void throw_in_javascript(napi_env env, const char* what) noexcept {
  std::string message;
  bool out_of_memory = false;
  try {
    throw;
  } catch (const Pending&) {
    return;
  } catch (const c10::OutOfMemoryError& error) {
    message = error.what_without_backtrace();
    out_of_memory = true;
  } catch (const c10::Error& error) {
    message = error.what_without_backtrace();
    // The allocator of main memory has no error of its own, nor have CUDA's libraries when they find no room for their handles.
    for (const char* said : {"can't allocate memory", "not enough memory", "CUDA error: out of memory", "_ALLOC_FAILED"}) {
      out_of_memory = out_of_memory || message.find(said) != std::string::npos;
    }
  } catch (const std::bad_alloc&) {
    message = "not enough memory";
    out_of_memory = true;
  } catch (const std::exception& error) {
    message = error.what();
  } catch (...) {
    message = "an unknown failure";
  }
  Bridge& bridge = bridge_of(env);
  if (bridge.rethrow(env)) return;
  napi_value arguments[3], factory, receiver, error;
  napi_create_string_utf8(env, what, NAPI_AUTO_LENGTH, &arguments[0]);
  napi_create_string_utf8(env, message.c_str(), message.size(), &arguments[1]);
  napi_get_boolean(env, out_of_memory, &arguments[2]);
  if (bridge.error_factory != nullptr && napi_get_reference_value(env, bridge.error_factory, &factory) == napi_ok &&
      napi_get_undefined(env, &receiver) == napi_ok &&
      napi_call_function(env, receiver, factory, 3, arguments, &error) == napi_ok) {
    napi_throw(env, error);
    return;
  }
  bool pending = false;  // the factory itself may have thrown (no stack left, or the thread is being stopped)
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_error(env, what, message.c_str());
}

bool is_absent(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  return type == napi_undefined || type == napi_null;
}

bool is_array(napi_env env, napi_value value) {
  bool array = false;
  check(env, napi_is_array(env, value, &array));
  return array;
}

Handle handle_of(napi_env env, napi_value value) {
  uint32_t handle = 0;
  if (napi_get_value_uint32(env, value, &handle) != napi_ok) throw std::runtime_error("expected a tensor");
  return handle;
}

const at::Tensor& tensor_of(napi_env env, napi_value value) { return bridge_of(env).get(handle_of(env, value)); }

template <typename Element>
static auto list_of(napi_env env, napi_value value, Element element) {
  if (!is_array(env, value)) throw std::runtime_error("expected an array");
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  std::vector<decltype(element(value))> out;
  out.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, value, i, &item));
    out.push_back(element(item));
  }
  return out;
}

std::vector<at::Tensor> tensors_of(napi_env env, napi_value value) {
  return list_of(env, value, [env](napi_value item) { return at::Tensor(tensor_of(env, item)); });
}

std::vector<int64_t> ints_of(napi_env env, napi_value value) {
  return list_of(env, value, [env](napi_value item) { return int_of(env, item); });
}

int64_t int_of(napi_env env, napi_value value) {
  double number = 0;
  const napi_status status = napi_get_value_double(env, value, &number);
  if (status == napi_number_expected) {
    int64_t big = 0;
    bool lossless = false;
    if (napi_get_value_bigint_int64(env, value, &big, &lossless) == napi_ok && lossless) return big;
    throw std::runtime_error("expected an integer");
  }
  check(env, status);
  if (number != std::floor(number) || std::abs(number) > 9007199254740992.0) {
    throw std::runtime_error("expected an integer, got " + std::to_string(number));
  }
  return static_cast<int64_t>(number);
}

double double_of(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw std::runtime_error("expected a number");
  return number;
}

bool bool_of(napi_env env, napi_value value) {
  bool flag = false;
  if (napi_get_value_bool(env, value, &flag) != napi_ok) throw std::runtime_error("expected true or false");
  return flag;
}

std::string string_of(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) throw std::runtime_error("expected a string");
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

napi_value to_js(napi_env env, at::Tensor tensor) {
  const Handle handle = tensor.defined() ? bridge_of(env).put(std::move(tensor)) : 0;
  napi_value out;
  check(env, napi_create_uint32(env, handle, &out));
  return out;
}

napi_value to_js(napi_env env, const std::vector<at::Tensor>& tensors) {
  napi_value out;
  check(env, napi_create_array_with_length(env, tensors.size(), &out));
  for (size_t i = 0; i < tensors.size(); ++i) check(env, napi_set_element(env, out, i, to_js(env, tensors[i])));
  return out;
}

napi_value to_js(napi_env env, double value) {
  napi_value out;
  check(env, napi_create_double(env, value, &out));
  return out;
}

napi_value to_js(napi_env env, int64_t value) {
  napi_value out;
  check(env, napi_create_int64(env, value, &out));
  return out;
}

napi_value to_js(napi_env env, bool value) {
  napi_value out;
  check(env, napi_get_boolean(env, value, &out));
  return out;
}

napi_value to_js(napi_env env, const std::string& value) {
  napi_value out;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &out));
  return out;
}

napi_value to_js(napi_env env, at::IntArrayRef values) {
  napi_value out;
  check(env, napi_create_array_with_length(env, values.size(), &out));
  for (size_t i = 0; i < values.size(); ++i) check(env, napi_set_element(env, out, i, to_js(env, values[i])));
  return out;
}

napi_value undefined(napi_env env) {
  napi_value out;
  napi_get_undefined(env, &out);
  return out;
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
  check(env, napi_set_named_property(env, exports, name, function));
}

// setErrorFactory((what, message, outOfMemory) => Error): how failures are dressed before they are thrown.
static napi_value set_error_factory(napi_env env, napi_callback_info info) {
  return guarded(env, info, "setErrorFactory", [env](Arguments& a) {
    Bridge& bridge = bridge_of(env);
    if (bridge.error_factory != nullptr) napi_delete_reference(env, bridge.error_factory);
    check(env, napi_create_reference(env, a.values[0], 1, &bridge.error_factory));
    return undefined(env);
  });
}

}  // namespace rfmedsam

NAPI_MODULE_INIT() {
  using namespace rfmedsam;
  napi_set_instance_data(env, new Bridge(), [](napi_env, void* data, void*) { delete static_cast<Bridge*>(data); }, nullptr);
  try {
    define(env, exports, "setErrorFactory", set_error_factory);
    define_dispatch(env, exports);
    define_tensors(env, exports);
    define_autograd(env, exports);
    define_recorded(env, exports);
    define_runtime(env, exports);
    define_memory(env, exports);
  } catch (...) {
    throw_in_javascript(env, "loading the engine");
  }
  return exports;
}
