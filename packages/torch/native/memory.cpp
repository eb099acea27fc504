// What allocators hold: libtorch's of a device, by its own count and without CUDA's headers, and the C library's of main memory.
#include "bridge.h"

#include <ATen/Context.h>
#include <torch/version.h>

#if __has_include(<malloc.h>)
#include <malloc.h>  // says whether this is glibc
#endif

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

constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);

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

// deviceMemory("cuda:0") → [free, used] in bytes: what tensors can have (of the device, and of what the allocator keeps for them) and what
// they have; none where nobody counts
napi_value device_memory(napi_env env, napi_callback_info info) {
  return guarded(env, info, "deviceMemory", [env](Arguments& a) {
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(string_of(env, a.values[0]))) {
      const auto [free, total] = memory->allocator->getMemoryInfo(memory->index);
      const auto stats = memory->allocator->getDeviceStats(memory->index);
      const int64_t used = stats.allocated_bytes[all].current;
      const std::vector<int64_t> told{static_cast<int64_t>(free) + stats.reserved_bytes[all].current - used, used};
      return to_js(env, told);
    }
#endif
    return undefined(env);
  });
}

// devicePeak("cuda:0") → bytes that the allocator held at most since the last reset; none where nobody counts
napi_value device_peak(napi_env env, napi_callback_info info) {
  return guarded(env, info, "devicePeak", [env](Arguments& a) {
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(string_of(env, a.values[0])))
      return to_js(env, int64_t{memory->allocator->getDeviceStats(memory->index).reserved_bytes[all].peak});
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

// releaseUnused("cuda:0"): gives back what the allocator holds and no tensor uses; for the CPU what glibc holds, whose freed memory stays the
// process's as long as something behind it lives
napi_value release_unused(napi_env env, napi_callback_info info) {
  return guarded(env, info, "releaseUnused", [env](Arguments& a) {
    const std::string name = string_of(env, a.values[0]);
#ifdef __GLIBC__
    if (name == "cpu") malloc_trim(0);
#endif
#ifdef RFMEDSAM_ALLOCATOR_TELLS
    if (const auto memory = memory_of(name)) memory->allocator->emptyCache();
#endif
    return undefined(env);
  });
}

}  // namespace

void define_memory(napi_env env, napi_value exports) {
  define(env, exports, "deviceMemory", device_memory);
  define(env, exports, "devicePeak", device_peak);
  define(env, exports, "resetDevicePeak", reset_device_peak);
  define(env, exports, "releaseUnused", release_unused);
}

}  // namespace rfmedsam
