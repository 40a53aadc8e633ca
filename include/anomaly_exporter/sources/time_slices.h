#pragma once

#include <algorithm>
#include <cstdint>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::sources {

/// Splits a grid from, from + step, ... <= to into slices of consecutive points, whose length
/// follows the size of the answers, so that a long backfill needs bounded memory and time per
/// request.
///
/// The first slice is `kFirst` long; the next is the last one times `target_bytes` / bytes
/// received, this factor within [1/4, 4]; always at least `shortest` and one point, at most
/// `kLongest` and `max_points`. Memory for one series of a slice: 16 B x (length + range width) /
/// scrape interval, e.g. 1.4 MB for a day at one sample per second. Threads: one at a time.
class TimeSlices {
 public:
  static constexpr core::Duration kFirst = std::chrono::hours(1);
  static constexpr core::Duration kLongest = std::chrono::hours(24);

  struct Options {
    core::Timestamp from;
    core::Timestamp to;
    core::Duration step;
    core::Duration shortest;  ///< at most kLongest; ranges wider than a slice are read repeatedly
    std::uint64_t target_bytes = 32ULL << 20;
    std::size_t max_points = 11'000;  ///< at least 1
  };

  explicit TimeSlices(const Options& options) : options_(options), next_(options.from) {
    resize(kFirst);
  }

  [[nodiscard]] bool done() const { return next_ > options_.to; }
  /// First and last grid point of the current slice.
  [[nodiscard]] core::Timestamp first() const { return next_; }
  [[nodiscard]] core::Timestamp last() const {
    const std::int64_t steps =
        std::min({static_cast<std::int64_t>(length_ / options_.step),
                  static_cast<std::int64_t>((options_.to - next_) / options_.step),
                  static_cast<std::int64_t>(options_.max_points) - 1});
    return next_ + options_.step * steps;
  }

  /// Goes on to the next slice after the current one took `bytes` to receive.
  void advance(std::uint64_t bytes) {
    next_ = last() + options_.step;
    const double growth = static_cast<double>(options_.target_bytes) /
                          static_cast<double>(std::max<std::uint64_t>(bytes, 1));
    const double ms = static_cast<double>(length_.count()) * std::clamp(growth, 0.25, 4.0);
    resize(core::Duration(static_cast<std::int64_t>(ms)));
  }

  /// The current slice was too much for one answer: makes it a quarter as long. False when it
  /// cannot be shorter.
  bool shrink() {
    const core::Timestamp before = last();
    resize((before - next_) / 4);
    return last() < before;
  }

 private:
  void resize(core::Duration length) {
    length_ = std::clamp(length, std::min(options_.shortest, kLongest), kLongest);
  }

  Options options_;
  core::Timestamp next_;
  core::Duration length_{0};
};

}  // namespace anomaly_exporter::sources
