#include "anomaly_exporter/stats/kernels.h"

#include "kernel_tables.h"

namespace anomaly_exporter::stats {

const Kernels& kernels(core::CpuLevel level) {
  return level == core::CpuLevel::V3 ? kV3Kernels : kBaseKernels;
}

const Kernels& kernels() {
  static const Kernels& chosen = kernels(core::detected_cpu_level());
  return chosen;
}

}  // namespace anomaly_exporter::stats
