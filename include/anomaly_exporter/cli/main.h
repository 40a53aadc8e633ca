#pragma once

namespace anomaly_exporter::cli {

/// The `anomaly_exporter` program. Returns the exit code: 0 after a clean stop, 1 on an error at
/// start, 2 for wrong flags.
int exporter_main(int argc, char** argv);

/// The `anomalytool` program. Returns 0, 1 when the work failed, 2 for wrong flags.
int tool_main(int argc, char** argv);

}  // namespace anomaly_exporter::cli
