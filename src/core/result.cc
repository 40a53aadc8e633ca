#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::core {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid_argument";
    case ErrorCode::NotFound:
      return "not_found";
    case ErrorCode::Unavailable:
      return "unavailable";
    case ErrorCode::Timeout:
      return "timeout";
    case ErrorCode::Corrupt:
      return "corrupt";
    case ErrorCode::Exhausted:
      return "exhausted";
    case ErrorCode::Unsupported:
      return "unsupported";
    case ErrorCode::Internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace anomaly_exporter::core
