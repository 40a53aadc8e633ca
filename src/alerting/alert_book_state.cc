#include <algorithm>
#include <utility>

#include "anomaly_exporter/alerting/alert_book.h"

namespace anomaly_exporter::alerting {
namespace {

using core::StateReader;
using core::StateWriter;

constexpr std::uint32_t kFormat = 2;  // 1 had another list of suppressions
/// Entries of a list read back at most; a file with more is not ours.
constexpr std::uint32_t kMostEntries = 1'000'000;

std::uint32_t count_of(StateReader& in) {
  const std::uint32_t n = in.u32();
  if (n > kMostEntries) in.fail("a list is too long");
  return in.ok() ? n : 0;
}

void write(StateWriter& out, const core::Labels& labels) {
  out.u32(static_cast<std::uint32_t>(labels.size()));
  for (const core::Label& label : labels.items()) {
    out.text(label.name);
    out.text(label.value);
  }
}

core::Labels read_labels(StateReader& in) {
  std::vector<core::Label> labels;
  for (std::uint32_t n = count_of(in); n > 0 && in.ok(); --n) {
    std::string name(in.text());
    labels.push_back({std::move(name), std::string(in.text())});
  }
  auto made = core::Labels::create(std::move(labels));
  if (!made) in.fail(made.error().message);
  return made ? std::move(*made) : core::Labels();
}

void write(StateWriter& out, const ActiveAlert& a) {
  out.text(a.key);
  write(out, a.labels);
  out.text(a.metric);
  out.u8(static_cast<std::uint8_t>(a.level));
  out.u8(static_cast<std::uint8_t>((a.has_value ? 1 : 0) | (a.has_expected ? 2 : 0) |
                                   (a.is_incident ? 4 : 0) | (a.is_missing ? 8 : 0)));
  for (const double v : {a.score, a.value, a.expected, a.lower, a.upper, a.sigmas}) out.f64(v);
  out.u32(static_cast<std::uint32_t>(a.votes.size()));
  for (const auto& [detector, confidence] : a.votes) {
    out.text(detector);
    out.f64(confidence);
  }
  out.text(a.incident);
  out.text(a.summary);
  out.text(a.description);
}

ActiveAlert read_active(StateReader& in) {
  ActiveAlert a;
  a.key = std::string(in.text());
  a.labels = read_labels(in);
  a.metric = std::string(in.text());
  const std::uint8_t level = in.u8();
  if (level > static_cast<std::uint8_t>(severity::Level::Critical)) in.fail("no such level");
  a.level = static_cast<severity::Level>(level);
  const std::uint8_t flags = in.u8();
  a.has_value = (flags & 1) != 0;
  a.has_expected = (flags & 2) != 0;
  a.is_incident = (flags & 4) != 0;
  a.is_missing = (flags & 8) != 0;
  for (double* v : {&a.score, &a.value, &a.expected, &a.lower, &a.upper, &a.sigmas}) *v = in.f64();
  for (std::uint32_t n = count_of(in); n > 0 && in.ok(); --n) {
    std::string detector(in.text());
    a.votes.emplace_back(std::move(detector), in.f64());
  }
  a.incident = std::string(in.text());
  a.summary = std::string(in.text());
  a.description = std::string(in.text());
  return a;
}

}  // namespace

std::string AlertBook::save() const {
  StateWriter out;
  out.u32(kFormat);
  throttle_.save(out);
  out.u32(static_cast<std::uint32_t>(monitors_.size()));
  for (const auto& [name, monitor] : monitors_) {
    out.text(name);
    out.i64(monitor.interval.count());
    out.i64(monitor.offset.count());
    out.u32(static_cast<std::uint32_t>(monitor.episodes.size()));
    for (const auto& [key, e] : monitor.episodes) {
      write(out, e.latest);
      write(out, e.identity);
      for (const core::Timestamp t :
           {e.opened, e.began, e.sample, e.starts_at, e.last_seen, e.notified}) {
        out.i64(t.ms);
      }
      out.u8(static_cast<std::uint8_t>(e.suppressed));
    }
    out.u32(static_cast<std::uint32_t>(monitor.resolved.size()));
    for (const auto& [identity, r] : monitor.resolved) {
      write(out, identity);
      out.i64(r.alert.starts_at.ms);
      out.i64(r.alert.ends_at.ms);
      out.text(r.alert.generator_url);
      out.u32(static_cast<std::uint32_t>(r.alert.annotations.size()));
      for (const auto& [key, value] : r.alert.annotations) {
        out.text(key);
        out.text(value);
      }
    }
  }
  return out.take();
}

core::Status AlertBook::restore(std::string_view bytes) {
  StateReader in(bytes);
  if (const std::uint32_t format = in.u32(); in.ok() && format != kFormat) {
    return core::Error{core::ErrorCode::Unsupported, "alerts in format " + std::to_string(format) +
                                                         ", not " + std::to_string(kFormat)};
  }
  throttle_.restore(in);
  for (std::uint32_t n = count_of(in); n > 0 && in.ok(); --n) {
    Monitor& monitor = monitors_[std::string(in.text())];
    monitor.interval = core::Duration(in.i64());
    monitor.offset = core::Duration(in.i64());
    for (std::uint32_t i = count_of(in); i > 0 && in.ok(); --i) {
      Episode e;
      e.latest = read_active(in);
      e.key = e.latest.key;
      e.identity = read_labels(in);
      for (core::Timestamp* t :
           {&e.opened, &e.began, &e.sample, &e.starts_at, &e.last_seen, &e.notified}) {
        t->ms = in.i64();
      }
      const std::uint8_t suppressed = in.u8();
      if (suppressed >= kSuppressions) in.fail("no such reason");
      e.suppressed = static_cast<Suppression>(suppressed);
      e.is_restored = true;
      if (in.ok() && e.suppressed == Suppression::None) ++open_alerts_;
      std::string key = e.key;
      monitor.episodes[std::move(key)] = std::move(e);
    }
    for (std::uint32_t i = count_of(in); i > 0 && in.ok(); --i) {
      Alert alert;
      alert.labels = read_labels(in);
      alert.starts_at.ms = in.i64();
      alert.ends_at.ms = in.i64();
      alert.is_resolved = true;
      alert.generator_url = std::string(in.text());
      for (std::uint32_t a = count_of(in); a > 0 && in.ok(); --a) {
        std::string key(in.text());
        alert.annotations[std::move(key)] = std::string(in.text());
      }
      core::Labels identity = alert.labels;
      monitor.resolved[std::move(identity)] = {std::move(alert), core::Timestamp{}};
    }
  }
  if (in.ok() && in.remaining() > 0) in.fail("bytes behind the end");
  if (in.ok()) return {};
  monitors_.clear();
  throttle_ = {};
  open_alerts_ = 0;
  return in.status();
}

}  // namespace anomaly_exporter::alerting
