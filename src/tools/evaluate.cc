#include "anomaly_exporter/tools/evaluate.h"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <utility>

#include "anomaly_exporter/tools/backtest.h"
#include "progress_bar.h"

namespace anomaly_exporter::tools {

namespace {

core::Error wrong(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

/// The monitor of that name; the first without one.
core::Result<config::MonitorConfig> find_monitor(const config::Config& config,
                                                 const std::string& name) {
  for (const auto& monitor : config.monitors) {
    if (name.empty() || monitor.name == name) return monitor;
  }
  return wrong("--monitor: no monitor \"" + name + "\" in the configuration");
}

struct Subject {
  std::vector<ExamHistory> histories;
  config::MonitorConfig settings;
  bool keep_metrics = false;
  std::string title;
};

core::Result<Subject> read_subject(const EvaluateOptions& options, const core::Clock& clock) {
  Subject subject;
  subject.settings = default_backtest_settings();
  config::Config config;
  if (!options.config_file.empty()) {
    auto loaded = config::load_config(options.config_file);
    if (!loaded.ok()) return loaded.error();
    config = std::move(loaded).value();
    auto monitor = find_monitor(config, options.monitor);
    if (!monitor.ok()) return monitor.error();
    subject.settings = std::move(monitor).value();
    subject.keep_metrics = true;
  }
  if (!options.input.empty()) {
    auto histories = read_exam_files(options.input);
    if (!histories.ok()) return histories.error();
    subject.histories = std::move(histories).value();
    subject.title = options.input;
    return subject;
  }
  if (options.config_file.empty() || !options.from || !options.to) {
    return wrong("evaluate needs --input, or --config with --start and --end, or --noise");
  }
  if (*options.from >= *options.to) return wrong("--start must lie before --end");
  auto history = read_exam_range(config, subject.settings, *options.from, *options.to, clock);
  if (!history.ok()) return history.error().within("monitor " + subject.settings.name);
  subject.title = "monitor " + subject.settings.name;
  subject.histories.push_back(std::move(history).value());
  return subject;
}

}  // namespace

core::Status write_report(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return core::Error{core::ErrorCode::Unavailable, path + ": cannot be written"};
}

core::Status evaluate(const EvaluateOptions& options, const core::Clock& clock, std::ostream& out) {
  auto faults = parse_fault_kinds(options.faults);
  if (!faults.ok()) return faults.error().within("--faults");
  const auto subject = read_subject(options, clock);
  if (!subject.ok()) return subject.error();
  core::Result<Exam> exam = Exam{};
  {
    ProgressBar bar("evaluate", clock);
    exam = run_exam(subject->histories,
                    {.settings = subject->settings,
                     .keep_metrics = subject->keep_metrics,
                     .faults = std::move(faults).value(),
                     .per_kind = options.per_kind,
                     .seed = options.seed,
                     .threads = options.threads},
                    [&](double ratio) { bar.update(ratio); });
  }
  if (!exam.ok()) return exam.error();
  print_exam(*exam, out);
  if (!options.json_file.empty()) {
    const auto written = write_report(options.json_file, exam_json(*exam) + "\n");
    if (!written.ok()) return written;
  }
  if (!options.html_file.empty()) {
    const auto written = write_report(options.html_file, exam_html(*exam, subject->title));
    if (!written.ok()) return written;
  }
  return {};
}

core::Status evaluate_noise(NoiseOptions options, const std::string& config_file,
                            const std::string& monitor, const std::string& json_file,
                            const core::Clock& clock, std::ostream& out) {
  if (!config_file.empty()) {
    const auto config = config::load_config(config_file);
    if (!config.ok()) return config.error();
    auto found = find_monitor(*config, monitor);
    if (!found.ok()) return found.error();
    options.settings = std::move(found).value();
  }
  core::Result<std::vector<NoiseResult>> results = std::vector<NoiseResult>{};
  {
    ProgressBar bar("noise", clock);
    results = run_noise(options, [&](double ratio) { bar.update(ratio); });
  }
  if (!results.ok()) return results.error();
  print_noise(*results, out);
  if (json_file.empty()) return {};
  return write_report(json_file, noise_json(*results) + "\n");
}

}  // namespace anomaly_exporter::tools
