#include "remote_support.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/sources/external_labels.h"
#include "anomaly_exporter/sources/query_decoder.h"
#include "api_request.h"

namespace anomaly_exporter::sources {

using core::ErrorCode;
using core::Labels;
using core::MutexLock;
using core::Result;

Result<std::optional<Labels>> RemoteSupport::external_labels(std::stop_token stop) {
  {
    const MutexLock lock(mutex_);
    if (external_ && clock_->monotonic() < external_->until) return external_->value;
  }
  std::optional<Labels> external = Labels();
  const auto response =
      http_->perform(make_api_request("/api/v1/status/config", {}), std::move(stop));
  if (!response.ok() && response.error().is_retryable()) return response.error();
  if (response.ok()) {
    auto decoded = decode_external_labels(response->body);
    if (decoded.ok()) {
      external = std::move(*decoded);
    } else if (decoded.error().code != ErrorCode::Corrupt) {
      external.reset();
    }
  }
  const MutexLock lock(mutex_);
  external_ = {external, clock_->monotonic() + kMemory};
  return external;
}

Result<bool> RemoteSupport::own_labels_collide(const Matchers& matchers, const Labels& external,
                                               core::Timestamp from, core::Timestamp to,
                                               std::stop_token stop) {
  const std::string selector = selector_text(matchers);
  {
    const MutexLock lock(mutex_);
    const auto known = collides_.find(selector);
    if (known != collides_.end() && clock_->monotonic() < known->second.until) {
      return known->second.value;
    }
  }
  bool collides = false;
  for (const core::Label& label : external.items()) {
    // Never a POST, however long: this end point takes none.
    net::HttpRequest request;
    request.path = "/api/v1/label/" + net::percent_encode(label.name) +
                   "/values?match%5B%5D=" + net::percent_encode(selector) +
                   "&start=" + format_seconds(from) + "&end=" + format_seconds(to);
    const auto response = http_->perform(request, stop);
    if (!response.ok() && response.error().is_retryable()) return response.error();
    auto values = response.ok() ? decode_strings(response->body)
                                : Result<std::vector<std::string>>(response.error());
    collides = !values.ok() ||  // nobody knows: the query API is always right
               std::find(values->begin(), values->end(), label.value) != values->end();
    if (collides) break;
  }
  const MutexLock lock(mutex_);
  if (collides_.size() >= kMaxSelectors) collides_.clear();
  collides_[selector] = {collides, clock_->monotonic() + kMemory};
  return collides;
}

Result<std::optional<Labels>> RemoteSupport::labels_to_strip(const Matchers& matchers,
                                                             core::Timestamp from,
                                                             core::Timestamp to,
                                                             std::stop_token stop) {
  auto external = external_labels(stop);
  if (!external.ok() || !external->has_value() || (*external)->empty()) return external;
  const bool condition_on_external = std::any_of(
      matchers.begin(), matchers.end(),
      [&](const Matcher& matcher) { return (*external)->value(matcher.name).has_value(); });
  if (condition_on_external) return std::optional<Labels>();
  const auto collides = own_labels_collide(matchers, **external, from, to, std::move(stop));
  if (!collides.ok()) return collides.error();
  if (*collides) return std::optional<Labels>();
  return external;
}

}  // namespace anomaly_exporter::sources
