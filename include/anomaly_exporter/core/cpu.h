#pragma once

#include <string_view>

namespace anomaly_exporter::core {

/// Instruction sets for which the hot kernels are compiled.
enum class CpuLevel {
  Base,  ///< plain x86-64 (SSE2), or any other architecture
  V3,    ///< x86-64-v3: AVX2, FMA, BMI (x86-64 psABI, "micro-architecture levels")
};

std::string_view to_string(CpuLevel level);

/// The best level this processor and operating system support. The environment variable
/// ANOMALY_EXPORTER_CPU=base lowers it, so that tests and benchmarks can compare both.
CpuLevel detected_cpu_level();

}  // namespace anomaly_exporter::core
