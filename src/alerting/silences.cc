#include "anomaly_exporter/alerting/silences.h"

#include <re2/re2.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "json_read.h"

namespace anomaly_exporter::alerting {

using core::Error;
using core::ErrorCode;

namespace {
constexpr std::int64_t kRegexBytes = 1 << 20;
}  // namespace

struct Matcher::Regex {
  Regex(const std::string& pattern, const RE2::Options& options) : re(pattern, options) {}
  RE2 re;
};

core::Result<Matcher> Matcher::create(std::string name, std::string value, bool is_regex,
                                      bool is_equal) {
  if (name.empty()) return Error{ErrorCode::InvalidArgument, "matcher without a name"};
  Matcher matcher;
  matcher.is_equal_ = is_equal;
  if (is_regex) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexBytes);
    options.set_dot_nl(true);  // as Alertmanager's ^(?s:...)$
    auto regex = std::make_shared<const Regex>(value, options);
    if (!regex->re.ok()) {
      return Error{ErrorCode::InvalidArgument,
                   "matcher " + name + ": bad expression: " + regex->re.error()};
    }
    matcher.regex_ = std::move(regex);
  }
  matcher.name_ = std::move(name);
  matcher.value_ = std::move(value);
  return matcher;
}

bool Matcher::matches(const core::Labels& labels) const {
  const std::string_view value = labels.value(name_).value_or("");
  const bool is_match =
      regex_ ? RE2::FullMatch(re2::StringPiece(value.data(), value.size()), regex_->re)
             : value == value_;
  return is_match == is_equal_;
}

bool Silence::matches(const core::Labels& labels) const {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matcher.matches(labels); });
}

bool Silence::may_match_series(const core::Labels& labels) const {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return matcher.name() == "alertname" || matcher.name() == "severity" || matcher.matches(labels);
  });
}

namespace {

core::Result<Silence> read_silence(const nlohmann::json& from) {
  Silence out;
  out.id = text_of(from, "id");
  const auto starts_at = core::parse_timestamp(text_of(from, "startsAt"));
  if (!starts_at) return starts_at.error().within("startsAt");
  const auto ends_at = core::parse_timestamp(text_of(from, "endsAt"));
  if (!ends_at) return ends_at.error().within("endsAt");
  out.starts_at = *starts_at;
  out.ends_at = *ends_at;
  const auto matchers = from.find("matchers");
  if (matchers == from.end() || !matchers->is_array() || matchers->empty()) {
    return Error{ErrorCode::Corrupt, "no matchers"};
  }
  for (const auto& m : *matchers) {
    if (!m.is_object()) return Error{ErrorCode::Corrupt, "a matcher is no object"};
    auto matcher = Matcher::create(text_of(m, "name"), text_of(m, "value"),
                                   truth_of(m, "isRegex", false), truth_of(m, "isEqual", true));
    if (!matcher) return matcher.error();
    out.matchers.push_back(std::move(*matcher));
  }
  return out;
}

}  // namespace

core::Result<SilenceList> parse_silences(std::string_view text) {
  const auto root = read_json(text);
  if (!root) return root.error();
  if (!root->is_array()) return Error{ErrorCode::Corrupt, "silences: not a list"};
  SilenceList out;
  const auto skip = [&](const std::string& why) {
    if (out.skipped++ == 0) out.first_problem = why;
  };
  for (const auto& item : *root) {
    if (!item.is_object()) return Error{ErrorCode::Corrupt, "silences: an entry is no object"};
    const auto status = item.find("status");
    if (status != item.end() && status->is_object() && text_of(*status, "state") == "expired") {
      continue;
    }
    if (out.silences.size() >= kMostSilences) {
      skip("more than " + std::to_string(kMostSilences) + " silences");
      continue;
    }
    auto silence = read_silence(item);
    if (silence) {
      out.silences.push_back(std::move(*silence));
    } else {
      skip("silence " + text_of(item, "id") + ": " + silence.error().message);
    }
  }
  std::sort(out.silences.begin(), out.silences.end(),
            [](const Silence& a, const Silence& b) { return a.id < b.id; });
  return out;
}

void SilenceBook::replace(const std::string& alertmanager, std::vector<Silence> silences) {
  const core::MutexLock lock(mutex_);
  auto& known = by_alertmanager_[alertmanager];
  std::vector<std::shared_ptr<const Silence>> kept;
  for (Silence& silence : silences) {
    const auto old =
        std::lower_bound(known.begin(), known.end(), silence.id,
                         [](const auto& one, const std::string& id) { return one->id < id; });
    // Alertmanager gives a silence of other matchers another id; only its times can move.
    const bool is_same = old != known.end() && (*old)->id == silence.id &&
                         (*old)->starts_at == silence.starts_at &&
                         (*old)->ends_at == silence.ends_at;
    kept.push_back(is_same ? *old : std::make_shared<const Silence>(std::move(silence)));
  }
  known = std::move(kept);
}

void SilenceBook::retain(const std::vector<std::string>& urls) {
  const core::MutexLock lock(mutex_);
  std::erase_if(by_alertmanager_, [&](const auto& entry) {
    return std::find(urls.begin(), urls.end(), entry.first) == urls.end();
  });
}

std::vector<std::shared_ptr<const Silence>> SilenceBook::active(core::Timestamp now) const {
  std::map<std::string, std::shared_ptr<const Silence>> by_id;
  const core::MutexLock lock(mutex_);
  for (const auto& [url, silences] : by_alertmanager_) {
    for (const auto& silence : silences) {
      if (silence->is_active(now)) by_id.try_emplace(silence->id, silence);
    }
  }
  std::vector<std::shared_ptr<const Silence>> out;
  for (auto& [id, silence] : by_id) out.push_back(std::move(silence));
  return out;
}

}  // namespace anomaly_exporter::alerting
