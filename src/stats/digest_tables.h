#pragma once

#include "anomaly_exporter/stats/digest.h"

namespace anomaly_exporter::stats {

/// The two compilations of digest_body.h.
extern const DigestKernels kBaseDigestKernels;
extern const DigestKernels kV3DigestKernels;

}  // namespace anomaly_exporter::stats
