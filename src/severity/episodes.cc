#include "anomaly_exporter/severity/episodes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace anomaly_exporter::severity {
namespace {

constexpr std::uint8_t kStateVersion = 1;

std::uint32_t seconds_of(core::Timestamp time) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.ms / 1000, 0, kMost));
}

core::Timestamp time_of(std::uint32_t seconds) {
  return {static_cast<std::int64_t>(seconds) * 1000};
}

/// True when `now` is `wait` or more after `since`. REQUIRES: now >= since.
bool has_passed(std::uint32_t since, std::uint32_t now, core::Duration wait) {
  return time_of(now) - time_of(since) >= wait;
}

bool is_level(std::uint8_t number) { return number <= static_cast<std::uint8_t>(Level::Critical); }

}  // namespace

std::string_view to_string(Suppression reason) {
  switch (reason) {
    case Suppression::Mute:
      return "mute";
    case Suppression::Cooldown:
      return "cooldown";
    case Suppression::For:
      return "for";
  }
  return "unknown";
}

bool Episodes::holds(const Episode& episode, const Policy& policy, const Observation& seen) {
  if (seen.level != Level::None) return true;
  if (episode.peak_hold <= 0) return false;  // at rest, or it never was about the score
  const double largest = static_cast<double>(episode.peak_hold);
  return seen.hold >= std::min(policy.hold_score(), policy.hold_share * largest);
}

/// Back to rest; what the cooldown needs stays.
void Episodes::rest(Episode& episode) {
  const Episode before = episode;
  episode = {};
  episode.entered = before.entered;
  episode.last_level = before.last_level;
}

Step Episodes::end_if_over(Episode& episode, std::uint32_t now, const Policy& policy) {
  if (!has_passed(episode.last_held, now, policy.options.keep_firing_for)) return {};
  const bool had_opened = episode.level != Level::None;
  const bool was_delayed = episode.is_delayed;  // counted when the delay began
  rest(episode);
  Step step;
  if (!had_opened && !was_delayed) step.suppressed = Suppression::For;
  return step;
}

/// Opens or raises the episode as far as it has lasted.
Step Episodes::enter(Episode& episode, std::uint32_t now, const Policy& policy, bool is_limit) {
  const SeverityOptions& options = policy.options;
  Level reached = Level::None;
  if (is_limit ||
      (episode.pending == Level::Critical && episode.held_ticks >= options.critical_for_ticks)) {
    reached = Level::Critical;
  } else if (episode.held_ticks >= options.for_ticks) {
    reached = std::min<Level>(episode.pending, Level::Warning);
  }
  if (reached <= episode.level) return {};

  Step step;
  const bool is_opening = episode.level == Level::None;
  if (is_opening && !is_limit && reached <= episode.last_level &&
      !has_passed(episode.entered, now, options.cooldown)) {
    if (!episode.is_delayed) step.suppressed = Suppression::Cooldown;
    episode.is_delayed = true;
    return step;
  }
  if (is_opening) episode.opened = now;
  episode.level = reached;
  episode.last_level = reached;
  episode.entered = now;
  if (policy.is_muted) {
    step.suppressed = Suppression::Mute;
  } else {
    step.entered = reached;
    step.detectors = episode.detectors;
  }
  return step;
}

Step Episodes::advance(series::Row row, core::Timestamp time, const Policy& policy,
                       const Observation& seen) {
  Episode& episode = rows_[row];
  if (episode.held_ticks == 0 && seen.level == Level::None) return {};
  const std::uint32_t now = seconds_of(time);
  const bool is_held = holds(episode, policy, seen);
  if (!is_held) {
    if (episode.level == Level::None) {  // an onset must hold at every tick
      const bool was_delayed = episode.is_delayed;
      rest(episode);
      Step step;
      if (!was_delayed) step.suppressed = Suppression::For;
      return step;
    }
    return end_if_over(episode, now, policy);
  }
  if (episode.held_ticks == 0) episode.onset = now;
  if (episode.held_ticks < std::numeric_limits<std::uint16_t>::max()) ++episode.held_ticks;
  episode.last_held = now;
  episode.pending = std::max<Level>(episode.pending, seen.level);
  episode.detectors |= seen.detectors;
  episode.peak_score = std::max(episode.peak_score, static_cast<float>(seen.score));
  if (episode.peak_hold > 0 || seen.score >= policy.threshold) {
    const auto hold = std::max(static_cast<float>(seen.hold), std::numeric_limits<float>::min());
    episode.peak_hold = std::max(episode.peak_hold, hold);
  }
  return enter(episode, now, policy, seen.is_limit);
}

Step Episodes::advance_without_sample(series::Row row, core::Timestamp time, const Policy& policy) {
  Episode& episode = rows_[row];
  if (episode.held_ticks == 0) return {};
  return end_if_over(episode, seconds_of(time), policy);
}

core::Timestamp Episodes::onset(series::Row row) const { return time_of(rows_[row].onset); }
core::Timestamp Episodes::opened(series::Row row) const { return time_of(rows_[row].opened); }
float Episodes::peak_score(series::Row row) const { return rows_[row].peak_score; }

void Episodes::set_back(core::Timestamp now) {
  const std::uint32_t latest = seconds_of(now);
  for (Episode& episode : rows_.span()) {
    for (std::uint32_t* time :
         {&episode.onset, &episode.opened, &episode.last_held, &episode.entered}) {
      *time = std::min(*time, latest);
    }
  }
}

void Episodes::save(series::Row row, core::StateWriter& out) const {
  const Episode& episode = rows_[row];
  out.u8(kStateVersion);
  for (const std::uint32_t number :
       {episode.onset, episode.opened, episode.last_held, episode.entered, episode.detectors}) {
    out.u32(number);
  }
  out.f32(episode.peak_score);
  out.f32(episode.peak_hold);
  out.u16(episode.held_ticks);
  const std::array<Level, 3> levels{episode.level, episode.pending, episode.last_level};
  for (const Level level : levels) {
    out.u8(static_cast<std::uint8_t>(level));
  }
  out.u8(episode.is_delayed ? 1 : 0);
}

core::Status Episodes::restore(series::Row row, core::StateReader& in) {
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kStateVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "episodes: state version " + std::to_string(version) + " is newer than " +
                           std::to_string(kStateVersion)};
  }
  if (in.ok() && version != kStateVersion) in.fail("episodes: unknown version");
  Episode read{};
  for (std::uint32_t* number :
       {&read.onset, &read.opened, &read.last_held, &read.entered, &read.detectors}) {
    *number = in.u32();
  }
  read.peak_score = in.f32();
  read.peak_hold = in.f32();
  read.held_ticks = in.u16();
  std::array<std::uint8_t, 3> levels{};
  for (std::uint8_t& level : levels) level = in.u8();
  const std::uint8_t is_delayed = in.u8();
  const auto is_score = [](float score) { return score >= 0 && score <= 1; };
  const bool is_possible = std::ranges::all_of(levels, is_level) && is_delayed <= 1 &&
                           is_score(read.peak_score) && is_score(read.peak_hold) &&
                           (levels[0] == 0 || read.held_ticks > 0);
  if (in.ok() && !is_possible) in.fail("episodes: impossible value");
  if (!in.ok()) return in.status();
  read.level = static_cast<Level>(levels[0]);
  read.pending = static_cast<Level>(levels[1]);
  read.last_level = static_cast<Level>(levels[2]);
  read.is_delayed = is_delayed == 1;
  rows_[row] = read;
  return {};
}

}  // namespace anomaly_exporter::severity
