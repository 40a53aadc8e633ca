#include "anomaly_exporter/stats/vector_kernels.h"

#include "vector_kernel_tables.h"

namespace anomaly_exporter::stats {

const VectorKernels& vector_kernels(core::CpuLevel level) {
  return level == core::CpuLevel::V3 ? kV3VectorKernels : kBaseVectorKernels;
}

const VectorKernels& vector_kernels() {
  static const VectorKernels& chosen = vector_kernels(core::detected_cpu_level());
  return chosen;
}

}  // namespace anomaly_exporter::stats
