#pragma once

#include <cstdio>
#include <string>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::tools {

/// The text of a bar: `evaluate [#########----------]  45 %  1m20s left`. `ratio` in [0, 1]; the
/// time left is told from 2 % on.
std::string progress_text(const std::string& label, double ratio, core::Duration elapsed);

/// A progress bar on stderr, drawn at most ten times a second and only when a terminal is attached;
/// removed when it ends, so that what follows begins on a clean line.
///
/// Ownership: borrows the clock. Threads: safe for concurrent use; updates that come while another
/// is drawn wait for it. Cost: 50 ns where nothing is drawn.
class ProgressBar {
 public:
  ProgressBar(std::string label, const core::Clock& clock);
  /// For tests: whether and where to draw is given. `out` is borrowed.
  ProgressBar(std::string label, const core::Clock& clock, std::FILE* out, bool is_terminal);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `ratio` of the work is done; clamped to [0, 1].
  void update(double ratio);

 private:
  const std::string label_;
  const core::Clock* clock_;
  std::FILE* out_;
  const bool is_terminal_;
  const std::chrono::nanoseconds start_;
  core::Mutex mutex_;
  std::chrono::nanoseconds next_ AE_GUARDED_BY(mutex_);
  bool is_drawn_ AE_GUARDED_BY(mutex_) = false;
};

}  // namespace anomaly_exporter::tools
