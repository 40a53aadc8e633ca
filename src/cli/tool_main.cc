#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <string>

#include "anomaly_exporter/cli/main.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/tools/backtest.h"
#include "anomaly_exporter/tools/bench.h"
#include "anomaly_exporter/tools/check_config.h"
#include "anomaly_exporter/tools/range_backtest.h"
#include "evaluate_command.h"
#include "generate_command.h"
#include "model_commands.h"
#include "version_text.h"

namespace anomaly_exporter::cli {

namespace {

int report(const core::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "anomalytool: %s\n", status.error().message.c_str());
  return 1;
}

void add_check(CLI::App& cli, std::function<int()>& run) {
  auto* check = cli.add_subcommand("check", "Check files.")->require_subcommand(1);
  auto* config = check->add_subcommand("config", "Check a configuration file.");
  auto path = std::make_shared<std::string>();
  auto live = std::make_shared<bool>(false);
  config->add_option("file", *path, "Configuration file.")->required();
  config->add_flag("--live", *live, "Also ask the sources: series, history, output lines.");
  config->callback([&run, path, live] {
    run = [=] {
      return report(tools::check_config(*path, *live, core::system_clock(), std::cout));
    };
  });
  auto* reference =
      cli.add_subcommand("reference", "Print the configuration reference (Markdown).");
  reference->callback([&run] {
    run = [] {
      std::cout << config::reference_page();
      return 0;
    };
  });
}

struct BacktestFlags {
  tools::BacktestOptions files;
  std::string config, prometheus, from, to;
};

int run_backtest(BacktestFlags flags) {
  core::Result<config::Config> config = config::Config{};
  if (!flags.config.empty()) {
    config = config::load_config(flags.config);
    if (!config.ok()) return report(config.error());
  }
  if (flags.prometheus.empty()) {
    if (flags.files.input.empty() || flags.files.output.empty()) {
      return report(core::Error{core::ErrorCode::InvalidArgument,
                                "backtest needs --input and --output, or --prometheus"});
    }
    if (!flags.config.empty()) {
      flags.files.monitor = config->monitors.front();
      flags.files.training = config->training;
    }
    const auto files = tools::backtest_files(flags.files);
    if (!files.ok()) return report(files.error());
    std::cout << *files << " files scored into " << flags.files.output << '\n';
    return 0;
  }
  if (flags.config.empty() || flags.from.empty() || flags.to.empty()) {
    return report(core::Error{core::ErrorCode::InvalidArgument,
                              "backtest --prometheus needs --config, --from and --to"});
  }
  const auto from = core::parse_timestamp(flags.from);
  if (!from.ok()) return report(from.error().within("--from"));
  const auto to = core::parse_timestamp(flags.to);
  if (!to.ok()) return report(to.error().within("--to"));
  const auto episodes = tools::backtest_range({.config = std::move(config).value(),
                                               .prometheus_url = flags.prometheus,
                                               .from = *from,
                                               .to = *to},
                                              core::system_clock(), std::cout);
  return episodes.ok() ? 0 : report(episodes.error());
}

void add_backtest(CLI::App& cli, std::function<int()>& run) {
  auto* backtest = cli.add_subcommand(
      "backtest",
      "Score files, or replay a range of a Prometheus and print what would have fired.");
  auto flags = std::make_shared<BacktestFlags>();
  auto* input = backtest->add_option(
      "--input", flags->files.input,
      "Folder with <dataset>/<series>.csv or .csv.gz; first column timestamp, in Unix seconds "
      "(milliseconds to nanoseconds are told by their size) or RFC 3339.");
  auto* output =
      backtest->add_option("--output", flags->files.output, "Folder for <dataset>/<series>.csv.");
  auto* threads =
      backtest->add_option("--threads", flags->files.threads, "Files at once; 0 is one per core.")
          ->check(CLI::Range(0, 256));
  backtest->add_option("--config", flags->config,
                       "Configuration: detectors and ensemble of its first monitor for files, all "
                       "its monitors with --prometheus.");
  auto* prometheus =
      backtest->add_option("--prometheus", flags->prometheus, "URL of a Prometheus to replay.");
  for (auto* of_files : {input, output, threads}) prometheus->excludes(of_files);
  backtest->add_option("--from", flags->from, "Start, RFC 3339 or Unix seconds.")
      ->needs(prometheus);
  backtest->add_option("--to", flags->to, "End, RFC 3339 or Unix seconds.")->needs(prometheus);
  backtest->callback([&run, flags] { run = [flags] { return run_backtest(*flags); }; });
}

void add_bench(CLI::App& cli, std::function<int()>& run) {
  auto* bench = cli.add_subcommand("bench", "Measure this build on this machine.");
  auto options = std::make_shared<tools::BenchOptions>();
  bench->add_flag("--json", options->json, "Print JSON instead of a table.");
  bench->add_option("--only", options->only, "Only benchmarks whose name begins with this.");
  bench->add_option("--runs", options->runs, "Repeats; the median is shown.")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  bench->add_option(
      "--prometheus", options->prometheus_url,
      "URL of a Prometheus filled by tests/bench/compare.sh, for the backfill figure.");
  bench->callback([&run, options] {
    run = [options] {
      const auto results = tools::bench(*options, core::system_clock(), std::cout);
      return results.ok() ? 0 : report(results.error());
    };
  });
}

}  // namespace

int tool_main(int argc, char** argv) {
  try {
    CLI::App cli("Tools around anomaly_exporter.", "anomalytool");
    cli.require_subcommand(1);
    cli.set_version_flag("--version", version_text("anomalytool"));
    std::function<int()> run;
    add_check(cli, run);
    add_backtest(cli, run);
    add_bench(cli, run);
    add_evaluate(cli, run);
    add_generate(cli, run);
    add_train(cli, run);
    add_models(cli, run);
    try {
      cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return cli.exit(error) == 0 ? 0 : 2;
    }
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "anomalytool: %s\n", error.what());
    return 1;
  }
}

}  // namespace anomaly_exporter::cli
