#include "anomaly_exporter/stats/lstm_kernel.h"

#include "lstm_kernel_tables.h"

namespace anomaly_exporter::stats {

const LstmKernels& lstm_kernels(core::CpuLevel level) {
  return level == core::CpuLevel::V3 ? kV3LstmKernels : kBaseLstmKernels;
}

const LstmKernels& lstm_kernels() {
  static const LstmKernels& chosen = lstm_kernels(core::detected_cpu_level());
  return chosen;
}

}  // namespace anomaly_exporter::stats
