#pragma once

#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::stats {

/// The two compilations of kernels_body.h.
extern const Kernels kBaseKernels;
extern const Kernels kV3Kernels;

}  // namespace anomaly_exporter::stats
