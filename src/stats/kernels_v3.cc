#include "kernel_tables.h"
#include "kernels_body.h"

namespace anomaly_exporter::stats {

const Kernels kV3Kernels = kKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
