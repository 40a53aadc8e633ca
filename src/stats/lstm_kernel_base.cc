#define AE_LSTM_VECTOR_BYTES 16
#include "lstm_kernel_body.h"
#include "lstm_kernel_tables.h"

namespace anomaly_exporter::stats {

const LstmKernels kBaseLstmKernels = kLstmKernelsOfThisFile;

}  // namespace anomaly_exporter::stats
