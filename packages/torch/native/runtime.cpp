// The machine under the tensors: versions, devices, threads and random state.
#include "bridge.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/version.h>

namespace rfmedsam {
namespace {

napi_value version(napi_env env, napi_callback_info info) {
  return guarded(env, info, "version", [env](Arguments&) { return to_js(env, std::string(TORCH_VERSION)); });
}

napi_value configuration(napi_env env, napi_callback_info info) {
  return guarded(env, info, "configuration", [env](Arguments&) { return to_js(env, at::show_config()); });
}

// deviceCount("cuda") → 0 where this libtorch or this machine has none
napi_value device_count(napi_env env, napi_callback_info info) {
  return guarded(env, info, "deviceCount", [env](Arguments& a) {
    const auto type = c10::Device(string_of(env, a.values[0])).type();
    if (type == c10::DeviceType::CUDA && !at::globalContext().hasCUDA()) return to_js(env, int64_t{0});
    if (!c10::impl::hasDeviceGuardImpl(type)) return to_js(env, int64_t{0});
    return to_js(env, static_cast<int64_t>(c10::impl::getDeviceGuardImpl(type)->deviceCount()));
  });
}

// synchronize("cuda:0"): waits until the device has done what it was given
napi_value synchronize(napi_env env, napi_callback_info info) {
  return guarded(env, info, "synchronize", [env](Arguments& a) {
    const c10::Device device(string_of(env, a.values[0]));
    if (!device.is_cpu()) {
      const auto* guard = c10::impl::getDeviceGuardImpl(device.type());
      guard->synchronizeDevice(device.has_index() ? device.index() : guard->getDevice().index());
    }
    return undefined(env);
  });
}

napi_value set_threads(napi_env env, napi_callback_info info) {
  return guarded(env, info, "setThreads", [env](Arguments& a) {
    at::set_num_threads(static_cast<int>(int_of(env, a.values[0])));
    return undefined(env);
  });
}

napi_value get_threads(napi_env env, napi_callback_info info) {
  return guarded(env, info, "getThreads", [env](Arguments&) { return to_js(env, static_cast<int64_t>(at::get_num_threads())); });
}

// manualSeed(seed): seeds every device's generator
napi_value manual_seed(napi_env env, napi_callback_info info) {
  return guarded(env, info, "manualSeed", [env](Arguments& a) {
    at::manual_seed(static_cast<uint64_t>(int_of(env, a.values[0])));
    return undefined(env);
  });
}

at::Generator generator_of(const std::string& device) {
  return at::globalContext().defaultGenerator(c10::Device(device));
}

// randomState(device) → uint8 tensor; setRandomState(device, tensor)
napi_value random_state(napi_env env, napi_callback_info info) {
  return guarded(env, info, "randomState", [env](Arguments& a) {
    auto generator = generator_of(string_of(env, a.values[0]));
    std::lock_guard<std::mutex> lock(generator.mutex());
    return to_js(env, generator.get_state());
  });
}

napi_value set_random_state(napi_env env, napi_callback_info info) {
  return guarded(env, info, "setRandomState", [env](Arguments& a) {
    auto generator = generator_of(string_of(env, a.values[0]));
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(tensor_of(env, a.values[1]));
    return undefined(env);
  });
}

}  // namespace

void define_runtime(napi_env env, napi_value exports) {
  define(env, exports, "version", version);
  define(env, exports, "configuration", configuration);
  define(env, exports, "deviceCount", device_count);
  define(env, exports, "synchronize", synchronize);
  define(env, exports, "setThreads", set_threads);
  define(env, exports, "getThreads", get_threads);
  define(env, exports, "manualSeed", manual_seed);
  define(env, exports, "randomState", random_state);
  define(env, exports, "setRandomState", set_random_state);
}

}  // namespace rfmedsam
