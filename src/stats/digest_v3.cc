#define AE_DIGEST_VECTOR_BYTES 32
#include "digest_body.h"
#include "digest_tables.h"

namespace anomaly_exporter::stats {

const DigestKernels kV3DigestKernels = kDigestKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
