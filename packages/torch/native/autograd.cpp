// Gradients: which tensors want one, the backward pass, and the thread's gradient and autocast modes.
#include "bridge.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

namespace rfmedsam {
namespace {

napi_value requires_grad(napi_env env, napi_callback_info info) {
  return guarded(env, info, "requiresGrad", [env](Arguments& a) { return to_js(env, tensor_of(env, a.values[0]).requires_grad()); });
}

napi_value set_requires_grad(napi_env env, napi_callback_info info) {
  return guarded(env, info, "requiresGrad", [env](Arguments& a) {
    tensor_of(env, a.values[0]).set_requires_grad(bool_of(env, a.values[1]));
    return undefined(env);
  });
}

napi_value is_leaf(napi_env env, napi_callback_info info) {
  return guarded(env, info, "isLeaf", [env](Arguments& a) { return to_js(env, tensor_of(env, a.values[0]).is_leaf()); });
}

// grad(tensor) → the accumulated gradient, 0 if there is none
napi_value grad(napi_env env, napi_callback_info info) {
  return guarded(env, info, "grad", [env](Arguments& a) { return to_js(env, at::Tensor(tensor_of(env, a.values[0]).grad())); });
}

// setGrad(tensor, gradient | undefined)
napi_value set_grad(napi_env env, napi_callback_info info) {
  return guarded(env, info, "grad", [env](Arguments& a) {
    const at::Tensor& tensor = tensor_of(env, a.values[0]);
    tensor.mutable_grad() = is_absent(env, a.values[1]) ? at::Tensor() : tensor_of(env, a.values[1]);
    return undefined(env);
  });
}

// backward(tensor, gradient | undefined, retainGraph, createGraph)
napi_value backward(napi_env env, napi_callback_info info) {
  return guarded(env, info, "backward", [env](Arguments& a) {
    std::vector<at::Tensor> gradients;
    if (!is_absent(env, a.values[1])) gradients.push_back(tensor_of(env, a.values[1]));
    torch::autograd::backward({tensor_of(env, a.values[0])}, gradients, bool_of(env, a.values[2]), bool_of(env, a.values[3]));
    return undefined(env);
  });
}

// gradients(outputs, inputs, outputGradients | undefined, retainGraph, createGraph) → one handle an input, 0 where unused
napi_value gradients(napi_env env, napi_callback_info info) {
  return guarded(env, info, "gradients", [env](Arguments& a) {
    std::vector<at::Tensor> of_outputs;
    if (!is_absent(env, a.values[2])) of_outputs = tensors_of(env, a.values[2]);
    return to_js(env, torch::autograd::grad(tensors_of(env, a.values[0]), tensors_of(env, a.values[1]), of_outputs,
                                            bool_of(env, a.values[3]), bool_of(env, a.values[4]), /*allow_unused=*/true));
  });
}

// setGradMode(enabled) → what it was
napi_value set_grad_mode(napi_env env, napi_callback_info info) {
  return guarded(env, info, "setGradMode", [env](Arguments& a) {
    const bool before = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(bool_of(env, a.values[0]));
    return to_js(env, before);
  });
}

// gradMode() → whether operations are recorded
napi_value grad_mode(napi_env env, napi_callback_info info) {
  return guarded(env, info, "gradMode", [env](Arguments&) { return to_js(env, c10::GradMode::is_enabled()); });
}

// autocastState(device type) → [enabled, dtype code], as enterAutocast takes them
napi_value autocast_state(napi_env env, napi_callback_info info) {
  return guarded(env, info, "autocast", [env](Arguments& a) {
    const auto device = c10::Device(string_of(env, a.values[0])).type();
    const int64_t state[] = {at::autocast::is_autocast_enabled(device) ? 1 : 0,
                             static_cast<int64_t>(at::autocast::get_autocast_dtype(device))};
    return to_js(env, at::IntArrayRef(state, 2));
  });
}

// clearAutocastCache(): forgets the copies of weights that autocast made
napi_value clear_autocast_cache(napi_env env, napi_callback_info info) {
  return guarded(env, info, "autocast", [env](Arguments&) {
    at::autocast::clear_cache();
    return undefined(env);
  });
}

// setAutocastCache(enabled) → what it was
napi_value set_autocast_cache(napi_env env, napi_callback_info info) {
  return guarded(env, info, "autocast", [env](Arguments& a) {
    const bool before = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_cache_enabled(bool_of(env, a.values[0]));
    return to_js(env, before);
  });
}

// enterAutocast(device type, dtype code, enabled) → [was enabled, dtype code before]; leaveAutocast(device type, was enabled, dtype before)
napi_value enter_autocast(napi_env env, napi_callback_info info) {
  return guarded(env, info, "autocast", [env](Arguments& a) {
    const auto device = c10::Device(string_of(env, a.values[0])).type();
    const bool enabled = at::autocast::is_autocast_enabled(device);
    const auto dtype = static_cast<int64_t>(at::autocast::get_autocast_dtype(device));
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(int_of(env, a.values[1])));
    at::autocast::set_autocast_enabled(device, bool_of(env, a.values[2]));
    at::autocast::increment_nesting();
    const int64_t before[] = {enabled ? 1 : 0, dtype};
    return to_js(env, at::IntArrayRef(before, 2));
  });
}

napi_value leave_autocast(napi_env env, napi_callback_info info) {
  return guarded(env, info, "autocast", [env](Arguments& a) {
    const auto device = c10::Device(string_of(env, a.values[0])).type();
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device, int_of(env, a.values[1]) != 0);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(int_of(env, a.values[2])));
    return undefined(env);
  });
}

}  // namespace

void define_autograd(napi_env env, napi_value exports) {
  define(env, exports, "requiresGrad", requires_grad);
  define(env, exports, "setRequiresGrad", set_requires_grad);
  define(env, exports, "isLeaf", is_leaf);
  define(env, exports, "grad", grad);
  define(env, exports, "setGrad", set_grad);
  define(env, exports, "backward", backward);
  define(env, exports, "gradients", gradients);
  define(env, exports, "setGradMode", set_grad_mode);
  define(env, exports, "gradMode", grad_mode);
  define(env, exports, "autocastState", autocast_state);
  define(env, exports, "clearAutocastCache", clear_autocast_cache);
  define(env, exports, "setAutocastCache", set_autocast_cache);
  define(env, exports, "enterAutocast", enter_autocast);
  define(env, exports, "leaveAutocast", leave_autocast);
}

}  // namespace rfmedsam
