#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::alerting {

/// One matcher of a silence: `name`, then =, !=, =~ or !~. Regular expressions are RE2 and match
/// the whole value; an absent label has the empty value (Alertmanager pkg/labels/matcher.go).
///
/// Threads: immutable. Cost: of a regular expression RE2's, linear in the value.
class Matcher {
 public:
  /// Errors: InvalidArgument for an empty name or an expression that RE2 refuses or that needs more
  /// than 1 MiB.
  static core::Result<Matcher> create(std::string name, std::string value, bool is_regex,
                                      bool is_equal);

  [[nodiscard]] bool matches(const core::Labels& labels) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  struct Regex;
  std::string name_, value_;
  std::shared_ptr<const Regex> regex_;  ///< null = compare
  bool is_equal_ = true;
};

/// A silence: mutes the alerts that fulfil all matchers, from `starts_at` until before `ends_at`.
struct Silence {
  std::string id;
  std::vector<Matcher> matchers;  ///< at least one
  core::Timestamp starts_at, ends_at;

  [[nodiscard]] bool is_active(core::Timestamp now) const {
    return starts_at <= now && now < ends_at;
  }
  [[nodiscard]] bool matches(const core::Labels& labels) const;
  /// Whether alerts of a series with these labels (external ones included) can match, whatever
  /// `alertname` and `severity` they have. False means that none does.
  [[nodiscard]] bool may_match_series(const core::Labels& labels) const;
};

/// What one answer of `GET /api/v2/silences` holds.
struct SilenceList {
  std::vector<Silence> silences;  ///< active and pending, sorted by id
  std::size_t skipped = 0;        ///< that we cannot evaluate, or beyond kMostSilences
  std::string first_problem;      ///< why the first of them was skipped
};

/// Silences read from one Alertmanager at most.
inline constexpr std::size_t kMostSilences = 10'000;

/// Reads that answer. Expired ones are left out; one that we cannot evaluate is skipped, not
/// guessed. Errors: Corrupt for what is no list of silences.
core::Result<SilenceList> parse_silences(std::string_view json);

/// The silences of all Alertmanagers as last heard. An Alertmanager that does not answer keeps the
/// silences it had until they end by themselves.
///
/// Threads: safe for concurrent use.
class SilenceBook {
 public:
  /// REQUIRES: `silences` sorted by id. Unchanged ones keep their pointer, by which readers see
  /// that nothing changed.
  void replace(const std::string& alertmanager, std::vector<Silence> silences);
  /// Forgets Alertmanagers that are not among `urls` (after a reload).
  void retain(const std::vector<std::string>& urls);

  /// Silences active at `now`, each once. Cheap to copy.
  [[nodiscard]] std::vector<std::shared_ptr<const Silence>> active(core::Timestamp now) const;

 private:
  mutable core::Mutex mutex_;
  std::map<std::string, std::vector<std::shared_ptr<const Silence>>> by_alertmanager_
      AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::alerting
