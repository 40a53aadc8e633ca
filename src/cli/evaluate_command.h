#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace anomaly_exporter::cli {

/// Adds the subcommand `evaluate`; its callback puts what is to be done into `run`, which returns
/// the exit code. `run` must outlive the parse.
void add_evaluate(CLI::App& tool, std::function<int()>& run);

}  // namespace anomaly_exporter::cli
