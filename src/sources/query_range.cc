#include "query_range.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "anomaly_exporter/sources/query_decoder.h"
#include "api_request.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Status;

/// Steps of the first part, when nothing is known about the number of series.
constexpr std::int64_t kFirstPoints = 256;
/// Bytes of a sample in an answer, for the estimate of a part's size.
constexpr std::uint64_t kBytesPerSample = 40;

/// True for the server's own words when it refuses a query for its size.
bool names_a_limit(std::string_view body) {
  std::string text(body.substr(0, 4096));
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::array<std::string_view, 4> kWords = {"too many", "max", "limit", "exceed"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// Checks that the samples of one series lie on the part's grid and ascend.
Status check_grid(const RangeQuestion& part, std::span<const series::Sample> samples) {
  const std::int64_t step = part.step.count();
  std::int64_t previous = part.from.ms - step;
  for (const series::Sample& sample : samples) {
    const std::int64_t ahead = sample.time.ms - previous;
    if (ahead != step && (ahead <= 0 || ahead % step != 0)) {
      return Error{ErrorCode::Corrupt, "query answer: sample at " +
                                           core::format_rfc3339(sample.time) +
                                           " is not on the grid asked for"};
    }
    previous = sample.time.ms;
  }
  if (previous > part.to.ms) {
    return Error{ErrorCode::Corrupt, "query answer: samples after the range asked for"};
  }
  return {};
}

/// Outcome of one part.
struct Part {
  std::optional<std::string> too_large;  ///< why: the server's words or ours
  std::size_t series = 0;
};

core::Result<Part> read_part(const RangeQuestion& part, net::HttpClient& http, RequestSlots& slots,
                             LabelCache& cache, QueryTotals& totals, const RangeSink& sink,
                             const std::stop_token& stop) {
  net::HttpRequest request =
      make_api_request("/api/v1/query_range", {{"query", part.query},
                                               {"start", format_seconds(part.from)},
                                               {"end", format_seconds(part.to)},
                                               {"step", format_seconds({part.step.count()})}});
  request.accept_status = {400, 413, 422};
  core::Result<net::HttpResponse> answer = Error{ErrorCode::Unavailable, "stopped"};
  {
    const RequestSlots::Hold slot(slots, RequestSlots::Use::Backfill, stop);
    if (slot) answer = http.perform(request, stop);
  }
  if (!answer) {
    if (answer.error().code == ErrorCode::Exhausted) return Part{answer.error().message, 0};
    return answer.error();
  }
  if (answer->status >= 400) {
    const std::string words =
        "query_range: HTTP " + std::to_string(answer->status) + ": " + error_text(answer->body);
    if (names_a_limit(answer->body)) return Part{words, 0};
    return Error{ErrorCode::InvalidArgument, words};
  }
  Part outcome;
  QueryNotes notes;
  const Status status = decode_matrix(
      answer->body, cache,
      [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
        ++outcome.series;
        if (auto on_grid = check_grid(part, samples); !on_grid) return on_grid;
        return sink(labels, samples);
      },
      notes);
  totals.samples += notes.samples;
  totals.warnings += notes.warnings.size();
  if (!status) return status.error();
  return outcome;
}

}  // namespace

Status read_range(const RangeQuestion& question, const RangeLimits& limits, net::HttpClient& http,
                  RequestSlots& slots, LabelCache& cache, QueryTotals& totals,
                  const RangeSink& sink, const std::stop_token& stop) {
  const auto max_points =
      static_cast<std::int64_t>(std::clamp<std::size_t>(limits.max_points, 1, 1U << 30U));
  const std::uint64_t max_samples = std::max<std::uint64_t>(
      1, std::min<std::uint64_t>(limits.max_samples, limits.max_bytes / kBytesPerSample));
  const std::int64_t total = (question.to - question.from) / question.step + 1;
  std::int64_t points = std::min(kFirstPoints, max_points);
  std::int64_t ceiling = max_points;  // what the server has not refused
  for (std::int64_t done = 0; done < total;) {
    const std::int64_t count = std::min(points, total - done);
    RangeQuestion part = question;
    part.from = question.from + question.step * done;
    part.to = part.from + question.step * (count - 1);
    const auto outcome = read_part(part, http, slots, cache, totals, sink, stop);
    if (!outcome) return outcome.error();
    if (outcome->too_large) {
      if (count == 1) {
        return Error{ErrorCode::Exhausted,
                     "one step is too much for an answer: " + *outcome->too_large};
      }
      points = ceiling = count / 2;
      continue;
    }
    done += count;
    const std::uint64_t fitting = max_samples / std::max<std::size_t>(1, outcome->series);
    points = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::min<std::uint64_t>(fitting, 1U << 30U)), 1, ceiling);
  }
  return {};
}

}  // namespace anomaly_exporter::sources
