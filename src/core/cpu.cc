#include "anomaly_exporter/core/cpu.h"

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace anomaly_exporter::core {
namespace {

#if defined(__x86_64__)
constexpr unsigned kFmaMovbeF16c = (1U << 12) | (1U << 22) | (1U << 29);  // CPUID leaf 1, ECX
constexpr unsigned kLzcnt = 1U << 5;                                      // leaf 80000001h, ECX

/// The built-in asks the operating system too whether it saves the wide registers. Clang 14's does
/// not know LZCNT, MOVBE and F16C, hence the look at CPUID.
bool has_v3() {
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("bmi") == 0 ||
      __builtin_cpu_supports("bmi2") == 0) {
    return false;
  }
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((ecx & kFmaMovbeF16c) != kFmaMovbeF16c) return false;
  if (__get_cpuid(0x80000001U, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (ecx & kLzcnt) != 0;
}
#else
bool has_v3() { return false; }
#endif

}  // namespace

std::string_view to_string(CpuLevel level) {
  switch (level) {
    case CpuLevel::Base:
      return "base";
    case CpuLevel::V3:
      return "v3";
  }
  return "unknown";
}

CpuLevel detected_cpu_level() {
  const char* wanted = std::getenv("ANOMALY_EXPORTER_CPU");
  if (wanted != nullptr && std::string_view(wanted) == "base") return CpuLevel::Base;
  return has_v3() ? CpuLevel::V3 : CpuLevel::Base;
}

}  // namespace anomaly_exporter::core
