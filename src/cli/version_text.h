#pragma once

#include <string>

namespace anomaly_exporter::cli {

/// `NAME, version V (branch: B, revision: R)` and the compiler, as the Prometheus family prints it.
std::string version_text(const std::string& program);

}  // namespace anomaly_exporter::cli
