#include "anomaly_exporter/tools/backtest.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "table_replay.h"

namespace anomaly_exporter::tools {

namespace fs = std::filesystem;

namespace {

/// The score of the tick just evaluated: the metric's of a univariate table, the entity's
/// otherwise.
double tick_score(const app::MonitorState& monitor) {
  const auto& results = monitor.results;
  if (results.flags.size() == 0) return 0;
  if (monitor.metrics() == 1) {
    const bool scored = (results.flags[0] & exposition::MonitorSnapshot::kScored) != 0;
    return scored ? results.score[0] : 0;
  }
  return std::max(results.entity_score[0], 0.0);
}

}  // namespace

config::MonitorConfig default_backtest_settings() {
  const config::GlobalConfig global;
  config::MonitorConfig settings;
  settings.window = global.window;
  settings.accept_shift_after = global.accept_shift_after;
  return settings;
}

core::Result<std::vector<double>> score_table(const sources::CsvTable& table,
                                              const config::MonitorConfig& settings,
                                              const config::TrainingConfig& training) {
  std::vector<double> scores(table.rows(), 0.0);
  double score = 0;
  const auto done = replay_tables(
      {&table, 1},
      {.settings = settings, .training = training, .after_row = [&](const ReplayedRow& passed) {
         if (passed.is_judged) {
           score = tick_score(passed.monitor);
         }
         scores[passed.row] = score;
       }});
  if (!done.ok()) return done.error();
  return scores;
}

namespace {

struct File {
  fs::path input, output;
};

core::Result<std::vector<File>> list_files(const BacktestOptions& options) {
  std::error_code error;
  if (fs::equivalent(options.input, options.output, error)) {
    return core::Error{
        core::ErrorCode::InvalidArgument,
        options.output + ": is the folder of the input; take another for the output"};
  }
  error.clear();
  std::vector<File> files;
  for (const auto& dataset : fs::directory_iterator(options.input, error)) {
    if (!dataset.is_directory()) continue;
    std::error_code unreadable;
    const fs::directory_iterator inside(dataset.path(), unreadable);
    if (unreadable) {
      return core::Error{core::ErrorCode::Unavailable,
                         dataset.path().string() + ": " + unreadable.message()};
    }
    for (const auto& file : inside) {
      std::string name = file.path().filename().string();
      if (name.ends_with(".gz")) name.resize(name.size() - 3);
      if (!name.ends_with(".csv")) continue;
      files.push_back({file.path(), fs::path(options.output) / dataset.path().filename() / name});
    }
  }
  if (error) {
    return core::Error{core::ErrorCode::NotFound, options.input + ": " + error.message()};
  }
  if (files.empty()) {
    return core::Error{core::ErrorCode::NotFound,
                       options.input + ": no <dataset>/<series>.csv or .csv.gz below it"};
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.input < b.input; });
  std::map<fs::path, fs::path> writers;
  for (const File& file : files) {
    const auto [earlier, is_new] = writers.emplace(file.output, file.input);
    if (is_new) continue;
    return core::Error{core::ErrorCode::InvalidArgument,
                       earlier->second.string() + " and " + file.input.string() +
                           " would both be scored into " + file.output.string()};
  }
  return files;
}

core::Status score_file(const File& file, const config::MonitorConfig& settings,
                        const config::TrainingConfig& training) {
  const auto table = sources::read_csv(file.input.string());
  if (!table.ok()) return table.error();
  const auto scores = score_table(*table, settings, training);
  if (!scores.ok()) return scores.error().within(file.input.string());
  std::string text = "timestamp,anomaly_score\n";
  for (std::size_t row = 0; row < table->rows(); ++row) {
    text += table->time_texts[row];
    text += ',';
    text += core::number_text((*scores)[row]);
    text += '\n';
  }
  std::error_code ignored;
  fs::create_directories(file.output.parent_path(), ignored);
  fs::path aside = file.output;
  aside += ".new";
  std::ofstream out(aside, std::ios::binary);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(aside, file.output, error);
  if (out && !error) return {};
  fs::remove(aside, ignored);
  return core::Error{core::ErrorCode::Unavailable, file.output.string() + ": cannot be written"};
}

}  // namespace

core::Result<std::size_t> backtest_files(const BacktestOptions& options) {
  const auto files = list_files(options);
  if (!files.ok()) return files.error();
  const config::MonitorConfig settings = options.monitor.value_or(default_backtest_settings());
  std::vector<core::Status> status(files->size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < files->size(); i = next++) {
      status[i] = score_file((*files)[i], settings, options.training);
    }
  };
  {
    const unsigned threads =
        options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  }
  for (const auto& s : status) {
    if (!s.ok()) return s.error();
  }
  return files->size();
}

}  // namespace anomaly_exporter::tools
