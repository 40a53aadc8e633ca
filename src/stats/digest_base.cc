#define AE_DIGEST_VECTOR_BYTES 16
#include "digest_body.h"
#include "digest_tables.h"

namespace anomaly_exporter::stats {

const DigestKernels kBaseDigestKernels = kDigestKernelsOfThisFile;

float digest_quantile(const Digest& digest, float q) {
  return quantile_of(digest, extent_of(digest), q);
}

}  // namespace anomaly_exporter::stats
