// Tensors in and out of JavaScript, and what can be asked about one without calling an operator.
#include "bridge.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarType.h>

#include <cstring>

namespace rfmedsam {
namespace {

// The bytes behind a typed array, DataView or ArrayBuffer, and the ArrayBuffer itself.
struct Bytes {
  void* data = nullptr;
  size_t length = 0;
  napi_value buffer;
};

Bytes bytes_of(napi_env env, napi_value value) {
  Bytes out;
  bool typed = false;
  check(env, napi_is_typedarray(env, value, &typed));
  if (typed) {
    napi_typedarray_type type;
    size_t count = 0, offset = 0;
    check(env, napi_get_typedarray_info(env, value, &type, &count, &out.data, &out.buffer, &offset));
    static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    if (static_cast<size_t>(type) >= sizeof(widths) / sizeof(widths[0])) throw std::runtime_error("unknown kind of typed array");
    out.length = count * widths[type];
    return out;
  }
  check(env, napi_get_arraybuffer_info(env, value, &out.data, &out.length));
  out.buffer = value;
  return out;
}

size_t bytes_needed(const std::vector<int64_t>& shape, at::ScalarType dtype) {
  size_t count = c10::elementSize(dtype);
  for (const int64_t extent : shape) {
    if (extent < 0) throw std::runtime_error("a shape cannot hold a negative extent");
    if (__builtin_mul_overflow(count, static_cast<size_t>(extent), &count)) throw std::runtime_error("the shape is too large");
  }
  return count;
}

// fromBytes(bytes, shape, dtype, share): a CPU tensor; shared memory if asked for, a copy otherwise
napi_value from_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, info, "making a tensor", [env](Arguments& a) {
    const Bytes bytes = bytes_of(env, a.values[0]);
    const std::vector<int64_t> shape = ints_of(env, a.values[1]);
    const auto dtype = static_cast<at::ScalarType>(int_of(env, a.values[2]));
    const size_t needed = bytes_needed(shape, dtype);
    if (needed != bytes.length) {
      throw std::runtime_error("the shape needs " + std::to_string(needed) + " bytes, the array has " + std::to_string(bytes.length));
    }
    if (!bool_of(env, a.values[3]) || needed == 0) {
      at::Tensor tensor = at::detail::empty_cpu(shape, dtype, std::nullopt, std::nullopt, std::nullopt, std::nullopt);
      if (needed > 0) std::memcpy(tensor.mutable_data_ptr(), bytes.data, needed);
      return to_js(env, std::move(tensor));
    }
    napi_ref lent;
    check(env, napi_create_reference(env, bytes.buffer, 1, &lent));
    auto give_back = [lender = bridge_of(env).lender, lent](void*) { lender->give_back(lent); };
    return to_js(env, at::from_blob(bytes.data, shape, give_back, at::TensorOptions().dtype(dtype)));
  });
}

const at::Tensor& readable(napi_env env, napi_value value) {
  const at::Tensor& tensor = tensor_of(env, value);
  if (!tensor.device().is_cpu() || !tensor.is_contiguous()) {
    throw std::runtime_error("only a contiguous tensor in main memory can be read as bytes");
  }
  return tensor;
}

// toBytes(tensor) → ArrayBuffer, a copy
napi_value to_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, info, "reading a tensor", [env](Arguments& a) {
    const at::Tensor& tensor = readable(env, a.values[0]);
    void* target = nullptr;
    napi_value buffer;
    check(env, napi_create_arraybuffer(env, tensor.nbytes(), &target, &buffer));
    if (tensor.nbytes() > 0) std::memcpy(target, tensor.const_data_ptr(), tensor.nbytes());
    return buffer;
  });
}

// shareBytes(tensor) → ArrayBuffer over the tensor's own memory, which lives as long as the buffer does
napi_value share_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, info, "sharing a tensor's memory", [env](Arguments& a) {
    napi_value buffer;
    if (readable(env, a.values[0]).nbytes() == 0) {
      void* nothing = nullptr;
      check(env, napi_create_arraybuffer(env, 0, &nothing, &buffer));
      return buffer;
    }
    auto* held = new at::Tensor(readable(env, a.values[0]));
    const napi_status status = napi_create_external_arraybuffer(
        env, held->mutable_data_ptr(), held->nbytes(), [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); }, held, &buffer);
    if (status != napi_ok) delete held;
    check(env, status);
    return buffer;
  });
}

void return_lent_buffers(napi_env env, Lender& lender) {
  std::vector<napi_ref> released;
  {
    std::lock_guard<std::mutex> guard(lender.lock);
    released.swap(lender.released);
    lender.waiting = false;
  }
  for (napi_ref reference : released) napi_delete_reference(env, reference);
}

// free(handle)
napi_value free_tensor(napi_env env, napi_callback_info info) {
  return guarded(env, info, "freeing a tensor", [env](Arguments& a) {
    Bridge& bridge = bridge_of(env);
    bridge.drop(handle_of(env, a.values[0]));
    if (bridge.lender->waiting) return_lent_buffers(env, *bridge.lender);
    return undefined(env);
  });
}

// freeAll(Uint32Array of handles, count): many in one call, for the end of a scope
napi_value free_all(napi_env env, napi_callback_info info) {
  return guarded(env, info, "freeing tensors", [env](Arguments& a) {
    Bridge& bridge = bridge_of(env);
    const Bytes handles = bytes_of(env, a.values[0]);
    const auto count = static_cast<size_t>(int_of(env, a.values[1]));
    if (count > handles.length / sizeof(Handle)) throw std::runtime_error("fewer handles than said");
    const auto* list = static_cast<const Handle*>(handles.data);
    for (size_t i = 0; i < count; ++i) bridge.drop(list[i]);
    if (bridge.lender->waiting) return_lent_buffers(env, *bridge.lender);
    return undefined(env);
  });
}

napi_value live(napi_env env, napi_callback_info info) {
  return guarded(env, info, "counting tensors", [env](Arguments&) { return to_js(env, static_cast<int64_t>(bridge_of(env).live)); });
}

// adjustMemory(bytes) → total: tells the garbage collector about memory it cannot see
napi_value adjust_memory(napi_env env, napi_callback_info info) {
  return guarded(env, info, "reporting memory", [env](Arguments& a) {
    int64_t total = 0;
    check(env, napi_adjust_external_memory(env, int_of(env, a.values[0]), &total));
    return to_js(env, total);
  });
}

template <typename Read>
napi_value ask(napi_env env, napi_callback_info info, Read read) {
  return guarded(env, info, "asking about a tensor", [env, read](Arguments& a) { return to_js(env, read(tensor_of(env, a.values[0]))); });
}

napi_value shape(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return t.sizes(); });
}
napi_value strides(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return t.strides(); });
}
napi_value dtype(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return static_cast<int64_t>(t.scalar_type()); });
}
napi_value device(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return t.device().str(); });
}
napi_value byte_size(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return static_cast<int64_t>(t.device().is_meta() ? 0 : t.nbytes()); });
}
napi_value item(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return t.item().toDouble(); });
}
napi_value data_address(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return static_cast<int64_t>(reinterpret_cast<uintptr_t>(t.const_data_ptr())); });
}
napi_value is_contiguous(napi_env env, napi_callback_info info) {
  return ask(env, info, [](const at::Tensor& t) { return t.is_contiguous(); });
}

}  // namespace

void define_tensors(napi_env env, napi_value exports) {
  define(env, exports, "fromBytes", from_bytes);
  define(env, exports, "toBytes", to_bytes);
  define(env, exports, "shareBytes", share_bytes);
  define(env, exports, "free", free_tensor);
  define(env, exports, "freeAll", free_all);
  define(env, exports, "live", live);
  define(env, exports, "adjustMemory", adjust_memory);
  define(env, exports, "shape", shape);
  define(env, exports, "strides", strides);
  define(env, exports, "dtype", dtype);
  define(env, exports, "device", device);
  define(env, exports, "byteSize", byte_size);
  define(env, exports, "item", item);
  define(env, exports, "dataAddress", data_address);
  define(env, exports, "isContiguous", is_contiguous);
}

}  // namespace rfmedsam
