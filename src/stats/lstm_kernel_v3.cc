#define AE_LSTM_VECTOR_BYTES 32
#include "lstm_kernel_body.h"
#include "lstm_kernel_tables.h"

namespace anomaly_exporter::stats {

const LstmKernels kV3LstmKernels = kLstmKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
