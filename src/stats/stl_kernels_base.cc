#include "stl_kernels_body.h"

namespace anomaly_exporter::stats {

const StlKernels kStlBase = kStlKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
