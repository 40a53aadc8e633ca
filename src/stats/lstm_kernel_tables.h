#pragma once

#include "anomaly_exporter/stats/lstm_kernel.h"

namespace anomaly_exporter::stats {

/// The two compilations of lstm_kernel_body.h.
extern const LstmKernels kBaseLstmKernels;
extern const LstmKernels kV3LstmKernels;

}  // namespace anomaly_exporter::stats
