#include "progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::chrono::milliseconds kEvery{100};
constexpr std::size_t kCells = 30;
constexpr double kLeastForEstimate = 0.02;

}  // namespace

std::string progress_text(const std::string& label, double ratio, core::Duration elapsed) {
  const auto filled = static_cast<std::size_t>(std::lround(ratio * static_cast<double>(kCells)));
  std::string percent = std::to_string(std::lround(100 * ratio));
  percent.insert(0, 3 - std::min<std::size_t>(percent.size(), 3), ' ');
  std::string text = label + " [" + std::string(filled, '#') + std::string(kCells - filled, '-') +
                     "] " + percent + " %";
  if (ratio >= kLeastForEstimate && ratio < 1) {
    const double left = core::to_seconds(elapsed) * (1 - ratio) / ratio;
    text += "  " + core::format_duration(std::chrono::seconds(std::lround(left))) + " left";
  }
  return text;
}

ProgressBar::ProgressBar(std::string label, const core::Clock& clock)
    : ProgressBar(std::move(label), clock, stderr, isatty(STDERR_FILENO) != 0) {}

ProgressBar::ProgressBar(std::string label, const core::Clock& clock, std::FILE* out,
                         bool is_terminal)
    : label_(std::move(label)),
      clock_(&clock),
      out_(out),
      is_terminal_(is_terminal),
      start_(clock.monotonic()),
      next_(start_) {}

ProgressBar::~ProgressBar() {
  core::MutexLock lock(mutex_);
  if (!is_drawn_) return;
  std::fputs("\r\033[K", out_);
  std::fflush(out_);
}

void ProgressBar::update(double ratio) {
  if (!is_terminal_) return;
  const auto now = clock_->monotonic();
  core::MutexLock lock(mutex_);
  if (now < next_) return;
  next_ = now + kEvery;
  is_drawn_ = true;
  const auto elapsed = std::chrono::duration_cast<core::Duration>(now - start_);
  const std::string text = progress_text(label_, std::clamp(ratio, 0.0, 1.0), elapsed);
  std::fprintf(out_, "\r%s\033[K", text.c_str());
  std::fflush(out_);
}

}  // namespace anomaly_exporter::tools
