#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>

#include "anomaly_exporter/tools/evaluate.h"
#include "evaluate_memory.h"
#include "evaluate_recorder.h"
#include "table_replay.h"

namespace anomaly_exporter::tools {

namespace {

/// One replay: a history, clean or with its faults.
struct Job {
  std::size_t history = 0;
  bool is_clean = true;
  std::vector<std::vector<Fault>> faults;   ///< by entity
  std::vector<std::vector<double>> values;  ///< by entity; empty = as it is
};

std::vector<std::int64_t> tick_numbers(const sources::CsvTable& table, core::Duration step) {
  std::vector<std::int64_t> ticks;
  for (const auto time : table.times) {
    const double offset = static_cast<double>((time - table.times.front()).count());
    ticks.push_back(std::llround(offset / static_cast<double>(step.count())));
  }
  return ticks;
}

/// Spreads the faults over the histories' entities in turn, and over as many copies as it takes.
class Planner {
 public:
  Planner(std::span<const ExamHistory> histories, const ExamOptions& options)
      : histories_(histories), options_(&options), rng_(options.seed) {
    ticks_.resize(histories.size());
    for (std::size_t h = 0; h < histories.size(); ++h) {
      const auto& first = histories[h].tables.front();
      const core::Duration step = first.median_step().value_or(std::chrono::minutes(1));
      ticks_[h] = tick_numbers(first, step);
      const InjectionOptions injection{
          .first_row = first.rows() / 2,
          .ticks_per_day = static_cast<std::size_t>(core::Duration(std::chrono::hours(24)) / step),
          .ticks = ticks_[h]};
      for (std::size_t e = 0; e < histories[h].tables.size(); ++e) {
        places_.push_back(
            {h, e, FaultInjector(histories[h].tables[e].values, first.metrics.size(), injection)});
      }
    }
    for (const FaultKind kind : options.faults) {
      queue_.insert(queue_.end(), options.per_kind, kind);
    }
    shuffle(queue_);
    shuffle(places_);
  }

  /// The jobs, clean ones first.
  std::vector<Job> plan() {
    std::vector<Job> jobs;
    for (std::size_t h = 0; h < histories_.size(); ++h) {
      jobs.push_back({.history = h, .is_clean = true, .faults = {}, .values = {}});
    }
    while (!queue_.empty() && add_copy(jobs)) {
    }
    return jobs;
  }

  /// Faults that found no room.
  [[nodiscard]] std::size_t left(FaultKind kind) const {
    return static_cast<std::size_t>(std::count(queue_.begin(), queue_.end(), kind));
  }

 private:
  struct Place {
    std::size_t history, entity;
    FaultInjector injector;
  };

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng_.below(i)]);
  }

  /// One more copy of the histories that take a fault; false when none does.
  bool add_copy(std::vector<Job>& jobs) {
    std::vector<std::optional<Job>> copies(histories_.size());
    std::vector<Place*> open;
    for (Place& place : places_) {
      place.injector.restart();
      open.push_back(&place);
    }
    while (!open.empty() && !queue_.empty()) {
      std::vector<Place*> still;
      for (Place* place : open) {
        if (add_fault(*place, copies[place->history])) still.push_back(place);
      }
      open = std::move(still);
    }
    bool is_any = false;
    for (auto& copy : copies) {
      if (!copy) continue;
      jobs.push_back(std::move(*copy));
      is_any = true;
    }
    return is_any;
  }

  /// The first fault of the queue whose kind fits this place.
  bool add_fault(Place& place, std::optional<Job>& copy) {
    const auto& tables = histories_[place.history].tables;
    std::vector<FaultKind> refused;
    for (std::size_t i = 0; i < queue_.size() && refused.size() < options_->faults.size(); ++i) {
      const FaultKind kind = queue_[i];
      if (std::find(refused.begin(), refused.end(), kind) != refused.end()) continue;
      std::vector<double> fresh;
      if (!copy) fresh = tables[place.entity].values;
      auto& values = copy ? copy->values[place.entity] : fresh;
      const auto fault = place.injector.inject(kind, rng_, values);
      if (!fault) {
        refused.push_back(kind);
        continue;
      }
      if (!copy) {
        copy = Job{.history = place.history,
                   .is_clean = false,
                   .faults = std::vector<std::vector<Fault>>(tables.size()),
                   .values = {}};
        for (const auto& table : tables) copy->values.push_back(table.values);
        copy->values[place.entity] = std::move(fresh);
      }
      copy->faults[place.entity].push_back(*fault);
      queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  std::span<const ExamHistory> histories_;
  const ExamOptions* options_;
  core::Rng rng_;
  std::vector<std::vector<std::int64_t>> ticks_;
  std::vector<Place> places_;
  std::vector<FaultKind> queue_;
};

/// Nearest-rank quantile; -1 of nothing. REQUIRES: sorted.
double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return -1;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

/// A fault with where it was put.
struct Placed {
  const ExaminedFault* examined;
  const ExamRecord* clean;  ///< of its history
  std::size_t entity;
  std::size_t first_row;  ///< of the examined half

  /// Whether the judge was at the threshold there without the fault.
  [[nodiscard]] bool by_chance(std::size_t judge) const {
    const auto& reached = clean->reached[entity * clean->judges.size() + judge];
    const Fault& fault = examined->fault;
    for (std::size_t r = fault.first; r <= fault.last + kExamGrace; ++r) {
      const std::size_t i = r - first_row;
      if (i < reached.size() && reached[i]) return true;
    }
    return false;
  }
};

ExamCell cell_of(const std::vector<Placed>& faults, std::size_t judge) {
  ExamCell cell;
  std::vector<double> delays;
  for (const Placed& placed : faults) {
    const ExaminedFault* f = placed.examined;
    ++cell.faults;
    if (placed.by_chance(judge)) ++cell.by_chance;
    if (f->found_at[judge] < 0) continue;
    ++cell.found;
    delays.push_back(static_cast<double>(f->found_at[judge]) - static_cast<double>(f->fault.first));
  }
  std::sort(delays.begin(), delays.end());
  cell.delay_median = quantile(delays, 0.5);
  cell.delay_p90 = quantile(delays, 0.9);
  return cell;
}

core::Status check(std::span<const ExamHistory> histories) {
  for (const auto& history : histories) {
    const std::size_t rows = history.tables.empty() ? 0 : history.tables.front().rows();
    if (rows >= kLeastExamTicks && !history.tables.front().median_step()) {
      return core::Error{core::ErrorCode::InvalidArgument,
                         history.name + ": all rows have one and the same time"};
    }
    if (rows >= kLeastExamTicks) continue;
    return core::Error{core::ErrorCode::InvalidArgument,
                       history.name + ": " + std::to_string(rows) + " ticks; the exam needs " +
                           std::to_string(kLeastExamTicks) +
                           ": half of them teach, and faults keep a distance"};
  }
  if (histories.empty()) return core::Error{core::ErrorCode::NotFound, "no history to examine"};
  return {};
}

/// The rows before which faults of any job begin, by history.
std::vector<ExamMemory> memories_for(const std::vector<Job>& jobs,
                                     std::span<const ExamHistory> histories) {
  std::vector<ExamMemory> memories;
  for (const auto& history : histories) memories.emplace_back(history.tables.size());
  for (const Job& job : jobs) {
    for (std::size_t e = 0; e < job.faults.size(); ++e) {
      for (const Fault& fault : job.faults[e]) memories[job.history].want(e, fault.first - 1);
    }
  }
  return memories;
}

/// Runs one job. `passed` is called for every row.
core::Status run(const Job& job, const ExamHistory& history, const ExamOptions& options,
                 ExamMemory& memory, ExamRecord& record, const std::function<void()>& passed) {
  core::Status taken_up;
  const auto remember = [&](const ReplayedRow& row) {
    if (job.is_clean) return memory.note(row.monitor, row.row);
    for (std::size_t e = 0; e < job.faults.size(); ++e) {
      for (const Fault& fault : job.faults[e]) {
        if (fault.first != row.row + 1) continue;
        if (auto status = memory.take_up(e, row.row, row.monitor); !status.ok()) taken_up = status;
      }
    }
  };
  ExamRecorder recorder(history, job.faults, options.settings.ensemble.threshold);
  std::vector<sources::CsvTable> changed;
  if (!job.is_clean) changed = history.tables;
  for (std::size_t e = 0; e < changed.size(); ++e) changed[e].values = job.values[e];
  const auto done = replay_tables(job.is_clean ? history.tables : changed,
                                  {.settings = options.settings,
                                   .keep_metrics = options.keep_metrics,
                                   .after_row = [&](const ReplayedRow& row) {
                                     recorder.observe(row);
                                     remember(row);
                                     passed();
                                   }});
  record = recorder.take();
  return done.ok() ? taken_up : done;
}

Exam sum_up(std::span<const ExamHistory> histories, const ExamOptions& options,
            const std::vector<Job>& jobs, std::vector<ExamRecord>& records) {
  Exam exam;
  exam.kinds = options.faults;
  exam.threshold = options.settings.ensemble.threshold;
  const core::Duration week = std::chrono::hours(24 * 7);
  const auto& budget = options.settings.ensemble.alarm_budget;
  exam.budget_per_week = budget.alarms * (core::to_seconds(week) / core::to_seconds(budget.per));
  exam.interval = histories.front().tables.front().median_step().value_or(core::Duration(0));
  for (const auto& history : histories) {
    exam.entities += history.tables.size();
    exam.series += history.tables.size() * history.tables.front().metrics.size();
  }
  for (const auto& name : records.front().judges) {
    exam.judges.push_back(
        {.name = name, .cells = {}, .total = {}, .false_alarms = 0, .false_alarms_per_week = 0});
  }
  std::vector<std::vector<Placed>> by_kind(exam.kinds.size());
  std::vector<Placed> all;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].is_clean) {
      const auto step = histories[jobs[i].history].tables.front().median_step();
      exam.series_weeks += static_cast<double>(records[i].judged) *
                           core::to_seconds(step.value_or(core::Duration(0))) /
                           core::to_seconds(week);
      for (std::size_t j = 0; j < exam.judges.size() && j < records[i].episodes.size(); ++j) {
        exam.judges[j].false_alarms += records[i].episodes[j];
      }
    }
    const std::size_t history = jobs[i].history;  // clean jobs come first, one per history
    const std::size_t first_row = histories[history].tables.front().rows() / 2;
    for (std::size_t e = 0; e < records[i].faults.size(); ++e) {
      for (const auto& f : records[i].faults[e]) {
        const auto kind = std::find(exam.kinds.begin(), exam.kinds.end(), f.fault.kind);
        all.push_back({&f, &records[history], e, first_row});
        by_kind[static_cast<std::size_t>(kind - exam.kinds.begin())].push_back(all.back());
      }
    }
  }
  for (std::size_t j = 0; j < exam.judges.size(); ++j) {
    ExamJudge& judge = exam.judges[j];
    for (const auto& faults : by_kind) judge.cells.push_back(cell_of(faults, j));
    judge.total = cell_of(all, j);
    if (exam.series_weeks > 0) {
      judge.false_alarms_per_week = static_cast<double>(judge.false_alarms) / exam.series_weeks;
    }
  }
  for (const auto& faults : by_kind) {  // the first one found, else the first
    if (faults.empty()) continue;
    const auto found = std::find_if(faults.begin(), faults.end(), [](const Placed& p) {
      return p.examined->found_at.front() >= 0 && !p.by_chance(0);
    });
    const bool is_found = found != faults.end();
    exam.pictures.push_back((is_found ? *found : faults.front()).examined->picture);
    exam.pictures.back().is_found = is_found;
  }
  return exam;
}

}  // namespace

core::Result<Exam> run_exam(std::span<const ExamHistory> histories, const ExamOptions& options,
                            const std::function<void(double ratio)>& progress) {
  if (const auto status = check(histories); !status.ok()) return status.error();
  Planner planner(histories, options);
  const std::vector<Job> jobs = planner.plan();
  std::vector<ExamRecord> records(jobs.size());
  std::vector<core::Status> status(jobs.size());
  std::size_t rows = 0;
  for (const Job& job : jobs) rows += histories[job.history].tables.front().rows();

  constexpr std::size_t kReportRows = 64;
  std::vector<ExamMemory> memories = memories_for(jobs, histories);
  std::atomic<std::size_t> passed{0};
  // The clean jobs, one per history, come first: they note what the others take up.
  const auto run_jobs = [&](std::size_t from, std::size_t to) {
    std::atomic<std::size_t> next{from};
    const auto work = [&] {
      for (std::size_t i = next++; i < to; i = next++) {
        const std::size_t h = jobs[i].history;
        status[i] = run(jobs[i], histories[h], options, memories[h], records[i], [&] {
          const std::size_t now = ++passed;
          if (progress && now % kReportRows == 0) {
            progress(static_cast<double>(now) / static_cast<double>(rows));
          }
        });
      }
    };
    const unsigned threads =
        options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  };
  run_jobs(0, histories.size());
  run_jobs(histories.size(), jobs.size());
  for (const auto& s : status) {
    if (!s.ok()) return s.error();
  }
  Exam exam = sum_up(histories, options, jobs, records);
  for (const FaultKind kind : exam.kinds) exam.not_placed.push_back(planner.left(kind));
  return exam;
}

}  // namespace anomaly_exporter::tools
