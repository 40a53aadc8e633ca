#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace anomaly_exporter::cli {

/// Add the subcommands `train` and `models`; their callbacks put what is to be done into `run`,
/// which returns the exit code. `run` must outlive the parse.
void add_train(CLI::App& tool, std::function<int()>& run);
void add_models(CLI::App& tool, std::function<int()>& run);

}  // namespace anomaly_exporter::cli
