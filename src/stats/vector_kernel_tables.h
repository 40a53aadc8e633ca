#pragma once

#include "anomaly_exporter/stats/vector_kernels.h"

namespace anomaly_exporter::stats {

/// The two compilations of vector_kernels_body.h.
extern const VectorKernels kBaseVectorKernels;
extern const VectorKernels kV3VectorKernels;

}  // namespace anomaly_exporter::stats
