#include "evaluate_command.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/tools/backtest.h"
#include "anomaly_exporter/tools/evaluate.h"
#include "anomaly_exporter/tools/noise_series.h"

namespace anomaly_exporter::cli {

namespace {

struct Flags {
  tools::EvaluateOptions exam;
  tools::NoiseOptions noise;
  std::string start, end, families, interval = "60s", burn_in = "1w";
};

int report(const core::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "anomalytool: %s\n", status.error().message.c_str());
  return 1;
}

core::Status read_time(const std::string& text, const char* flag,
                       std::optional<core::Timestamp>& out) {
  if (text.empty()) return {};
  const auto time = core::parse_timestamp(text);
  if (!time.ok()) return time.error().within(flag);
  out = *time;
  return {};
}

core::Status read_duration(const std::string& text, const char* flag, core::Duration& out) {
  const auto duration = core::parse_duration(text);
  if (!duration.ok()) return duration.error().within(flag);
  out = *duration;
  return {};
}

core::Status run_noise(Flags flags) {
  auto families = tools::parse_noise_families(flags.families);
  if (!families.ok()) return families.error().within("--noise");
  flags.noise.families = std::move(families).value();
  if (auto s = read_duration(flags.interval, "--interval", flags.noise.interval); !s.ok()) return s;
  if (auto s = read_duration(flags.burn_in, "--burn-in", flags.noise.burn_in); !s.ok()) return s;
  flags.noise.seed = flags.exam.seed;
  flags.noise.threads = flags.exam.threads;
  flags.noise.settings = tools::default_backtest_settings();
  return tools::evaluate_noise(flags.noise, flags.exam.config_file, flags.exam.monitor,
                               flags.exam.json_file, core::system_clock(), std::cout);
}

core::Status run_exam(Flags flags) {
  if (auto s = read_time(flags.start, "--start", flags.exam.from); !s.ok()) return s;
  if (auto s = read_time(flags.end, "--end", flags.exam.to); !s.ok()) return s;
  return tools::evaluate(flags.exam, core::system_clock(), std::cout);
}

}  // namespace

void add_evaluate(CLI::App& tool, std::function<int()>& run) {
  auto* command = tool.add_subcommand(
      "evaluate",
      "Inject faults into your own history: recall, false alarms and delay of every detector.");
  auto flags = std::make_shared<Flags>();
  auto& exam = flags->exam;
  auto* input =
      command->add_option("--input", exam.input,
                          "CSV file (may be .gz), or a folder of them; first column "
                          "timestamp, in Unix seconds (milliseconds to nanoseconds are told by "
                          "their size) or RFC 3339.");
  command->add_option("--config", exam.config_file,
                      "Configuration: settings of --monitor, and without --input its source.");
  command->add_option("--monitor", exam.monitor, "Monitor of --config; the first without it.");
  auto* start =
      command->add_option("--start", flags->start, "Start of the range, RFC 3339 or Unix seconds.")
          ->excludes(input);
  auto* end =
      command->add_option("--end", flags->end, "End of the range, RFC 3339 or Unix seconds.")
          ->excludes(input);
  command
      ->add_option("--faults", exam.faults,
                   "Kinds, separated by commas: spike, drop, level_shift, ramp, silence, "
                   "noise_burst, broken_correlation, all.")
      ->capture_default_str();
  command->add_option("--per-kind", exam.per_kind, "Faults of each kind.")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--seed", exam.seed, "Equal seeds give equal faults.")->capture_default_str();
  command->add_option("--threads", exam.threads, "Threads; 0 is one per core.")
      ->check(CLI::Range(0, 256));
  command->add_option("--json", exam.json_file, "File for the figures as JSON.");
  auto* html = command->add_option("--html", exam.html_file, "File for the report as one page.");
  auto* noise = command->add_option(
      "--noise", flags->families,
      "Instead of a history: count alarms on noise without faults. all, or of normal, laplace, "
      "student_t3, log_normal, ar1, poisson.");
  for (auto* of_history : {input, start, end, html}) noise->excludes(of_history);
  command->add_option("--series-weeks", flags->noise.series_weeks, "Noise to count, per family.")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--interval", flags->interval, "Interval of the noise.")
      ->capture_default_str();
  command->add_option("--entities", flags->noise.entities, "Series of noise at once.")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--burn-in", flags->burn_in, "Simulated time before anything is counted.")
      ->capture_default_str();
  command->callback([&run, flags] {
    run = [flags] {
      return report(flags->families.empty() ? run_exam(*flags) : run_noise(*flags));
    };
  });
}

}  // namespace anomaly_exporter::cli
