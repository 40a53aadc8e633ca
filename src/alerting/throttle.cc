#include "anomaly_exporter/alerting/throttle.h"

namespace anomaly_exporter::alerting {
namespace {
/// Entries read back at most; a file with more is not ours.
constexpr std::uint32_t kMostEntries = 100'000;
}  // namespace

bool Throttle::admit(const std::string& monitor, const std::string& metric, severity::Level level,
                     core::Timestamp now, core::Duration period) {
  if (period.count() == 0) return true;
  const auto [last, is_first] = last_.try_emplace({monitor, metric, level}, now);
  if (!is_first && last->second < now && now - last->second < period) return false;
  last->second = now;
  return true;
}

void Throttle::clock_stepped(core::Duration step) {
  for (auto& [key, last] : last_) last = last + step;
}

void Throttle::save(core::StateWriter& out) const {
  out.u32(static_cast<std::uint32_t>(last_.size()));
  for (const auto& [key, time] : last_) {
    out.text(std::get<0>(key));
    out.text(std::get<1>(key));
    out.u8(static_cast<std::uint8_t>(std::get<2>(key)));
    out.i64(time.ms);
  }
}

void Throttle::restore(core::StateReader& in) {
  const std::uint32_t entries = in.u32();
  if (entries > kMostEntries) in.fail("too many throttled metrics");
  for (std::uint32_t i = 0; i < entries && in.ok(); ++i) {
    std::string monitor(in.text()), metric(in.text());
    const auto level = in.u8();
    const core::Timestamp time{in.i64()};
    if (level > static_cast<std::uint8_t>(severity::Level::Critical)) in.fail("no such level");
    if (in.ok()) {
      last_[{std::move(monitor), std::move(metric), static_cast<severity::Level>(level)}] = time;
    }
  }
}

}  // namespace anomaly_exporter::alerting
