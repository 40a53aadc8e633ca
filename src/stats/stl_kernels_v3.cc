#include "stl_kernels_body.h"

namespace anomaly_exporter::stats {

const StlKernels kStlV3 = kStlKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
