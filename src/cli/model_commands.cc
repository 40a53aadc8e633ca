#include "model_commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/tools/models.h"
#include "anomaly_exporter/tools/train.h"

namespace anomaly_exporter::cli {

namespace {

constexpr const char* kStoragePath = "data/";

int report(const core::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "anomalytool: %s\n", status.error().message.c_str());
  return 1;
}

struct TrainFlags {
  tools::TrainOptions train;
  std::string config, history;
  bool has_prometheus = false;
};

int run_train(TrainFlags flags) {
  if (flags.has_prometheus == !flags.train.input.empty()) {
    return report(core::Error{core::ErrorCode::InvalidArgument,
                              "train needs --prometheus or --input, one of them"});
  }
  auto config = config::load_config(flags.config);
  if (!config.ok()) return report(config.error());
  flags.train.config = std::move(config).value();
  if (!flags.history.empty()) {
    const auto history = core::parse_duration(flags.history);
    if (!history.ok()) return report(history.error().within("--history"));
    if (history->count() <= 0) {
      return report(core::Error{core::ErrorCode::InvalidArgument, "--history must be above 0s"});
    }
    flags.train.history = *history;
  }
  const auto written = tools::train(flags.train, core::system_clock(), std::cout);
  if (!written.ok()) return report(written.error());
  std::cout << *written << (*written == 1 ? " model written\n" : " models written\n");
  return 0;
}

}  // namespace

void add_train(CLI::App& tool, std::function<int()>& run) {
  auto* train = tool.add_subcommand("train", "Fit models to history and write them.");
  auto flags = std::make_shared<TrainFlags>();
  train->add_option("--config", flags->config, "Configuration: monitors, detectors, sources.")
      ->required();
  auto* prometheus = train->add_option("--prometheus", flags->train.prometheus_url,
                                       "Read from the monitors' sources; a URL replaces theirs.");
  prometheus->expected(0, 1);
  train->add_option("--input", flags->train.input,
                    "CSV file: timestamp,<metric>,..., such as timestamp,bandwidth,latency.");
  train->add_option("--monitor", flags->train.monitor, "Only this monitor.");
  train->add_option("--detector", flags->train.detector, "Only this detector.");
  flags->train.storage_path = kStoragePath;
  train
      ->add_option("--storage.path", flags->train.storage_path,
                   "Folder of the exporter's state; models go below it.")
      ->capture_default_str();
  train->add_option("--history", flags->history,
                    "Data to fit to, such as 14d. Default: training.history.");
  train->callback([&run, flags, prometheus] {
    flags->has_prometheus = prometheus->count() > 0;
    run = [flags] { return run_train(*flags); };
  });
}

void add_models(CLI::App& tool, std::function<int()>& run) {
  auto* models = tool.add_subcommand("models", "Look at models, or go back to an older one.")
                     ->require_subcommand(1);
  using Command = core::Status (*)(const tools::ModelSelection&, std::ostream&);
  const auto add = [&](const char* name, const char* text, Command command) {
    auto* sub = models->add_subcommand(name, text);
    auto selection = std::make_shared<tools::ModelSelection>();
    selection->storage_path = kStoragePath;
    sub->add_option("--storage.path", selection->storage_path,
                    "Folder of the exporter's state; models lie below it.")
        ->capture_default_str();
    sub->add_option("--monitor", selection->monitor, "Only this monitor.");
    sub->add_option("--detector", selection->detector, "Only this detector.");
    sub->add_option("--version", selection->version, "Only this version.");
    if (command != &tools::roll_back_model) {
      sub->add_flag("--json", selection->json, "Print JSON.");
    }
    sub->callback([&run, selection, command] {
      run = [selection, command] { return report(command(*selection, std::cout)); };
    });
  };
  add("list", "One line per version; * marks the one in use.", &tools::list_models);
  add("show", "All that is known of a model; without --version, of the one in use.",
      &tools::show_models);
  add("roll-back", "Make another version the one in use; without --version, the one before.",
      &tools::roll_back_model);
}

}  // namespace anomaly_exporter::cli
