#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace anomaly_exporter::cli {

/// Adds the subcommand `generate`, which prints files for the programs around us; its callbacks put
/// what is to be done into `run`, which returns the exit code. `run` must outlive the parse.
void add_generate(CLI::App& tool, std::function<int()>& run);

}  // namespace anomaly_exporter::cli
