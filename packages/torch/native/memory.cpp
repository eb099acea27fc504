// What libtorch's allocator holds of a device that is not the CPU: its own count, without CUDA's headers.
#include "bridge.h"

#include <ATen/Context.h>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
#define RFMEDSAM_ALLOCATOR_TELLS
#include <c10/core/CachingDeviceAllocator.h>
#endif

namespace rfmedsam {
namespace {

#ifdef RFMEDSAM_ALLOCATOR_TELLS
struct DeviceMemory {
  c10::DeviceAllocator* allocator;
  c10::DeviceIndex index;
};

// None for the CPU, and for devices that this libtorch has not.
std::optional<DeviceMemory> memory_of(const std::string& name) {
  const c10::Device device(name);
  if (device.type() != c10::DeviceType::CUDA || !at::globalContext().hasCUDA()) return std::nullopt;
  at::globalContext().lazyInitDevice(device.type());  // nothing is counted before
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
  if (allocator == nullptr) return std::nullopt;
  return DeviceMemory{allocator, static_cast<c10::DeviceIndex>(device.has_index() ? device.index() : 0)};
}
#endif

// deviceMemory("cuda:0") → [free, total, held, peak] in bytes: what the device has left and has, what the allocator holds of it now and
// held at most since the last reset; none where nobody counts
napi_value device_memory(napi_env env, napi_callback_info info) {
  return guarded(env, info, "deviceMemory", [env](Arguments& a) {
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(string_of(env, a.values[0]))) {
      constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
      const auto [free, total] = memory->allocator->getMemoryInfo(memory->index);
      const auto held = memory->allocator->getDeviceStats(memory->index).reserved_bytes[all];
      const std::vector<int64_t> told{static_cast<int64_t>(free), static_cast<int64_t>(total), held.current, held.peak};
      return to_js(env, told);
    }
#endif
    return undefined(env);
  });
}

// resetDevicePeak("cuda:0"): the peak is what is held now
napi_value reset_device_peak(napi_env env, napi_callback_info info) {
  return guarded(env, info, "resetDevicePeak", [env](Arguments& a) {
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(string_of(env, a.values[0]))) memory->allocator->resetPeakStats(memory->index);
#endif
    return undefined(env);
  });
}

// emptyDeviceCache("cuda:0"): gives back what the allocator holds and no tensor uses
napi_value empty_device_cache(napi_env env, napi_callback_info info) {
  return guarded(env, info, "emptyDeviceCache", [env](Arguments& a) {
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(string_of(env, a.values[0]))) memory->allocator->emptyCache();
#endif
    return undefined(env);
  });
}

}  // namespace

void define_memory(napi_env env, napi_value exports) {
  define(env, exports, "deviceMemory", device_memory);
  define(env, exports, "resetDevicePeak", reset_device_peak);
  define(env, exports, "emptyDeviceCache", empty_device_cache);
}

}  // namespace rfmedsam
