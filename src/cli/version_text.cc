#include "version_text.h"

#include "anomaly_exporter/core/version.h"

namespace anomaly_exporter::cli {

std::string version_text(const std::string& program) {
  return program + ", version " + core::kVersion + " (branch: " + core::kBranch +
         ", revision: " + core::kRevision + ")\n  compiler:         " + core::kCompiler +
         "\n  platform:         linux/amd64";
}

}  // namespace anomaly_exporter::cli
