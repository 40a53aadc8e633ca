#include "vector_kernel_tables.h"
#include "vector_kernels_body.h"

namespace anomaly_exporter::stats {

const VectorKernels kV3VectorKernels = kVectorKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
