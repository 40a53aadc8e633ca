#include "query_range.h"

#include <algorithm>
#include <array>
#include <cctype>
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

/// Steps of the first part, when nothing is known about the number of series and their cost.
constexpr std::int64_t kFirstPoints = 256;
/// What a query costs a server is known only from those that were answered: the next may be so many
/// times as long.
constexpr std::int64_t kGrowth = 4;
/// A server that takes too long for a part is asked for this fraction of it, but for no less than
/// so many steps: whatever hangs does not hang for its size.
constexpr std::int64_t kSlowFraction = 4, kLeastSlowPoints = 16;
/// Bytes of a sample in an answer, for the estimate of a part's size.
constexpr std::uint64_t kBytesPerSample = 40;

/// True where `word` stands in the text and is not part of a name, like that of a metric.
bool has_word(std::string_view text, std::string_view word) {
  const auto is_of_name = [&](std::size_t i) {
    return i < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
  };
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    if ((at == 0 || !is_of_name(at - 1)) && !is_of_name(at + word.size())) return true;
  }
  return false;
}

/// The server, or a gateway before it, gave up waiting for a result.
bool is_slow(const Error& error) {
  const auto says = [&](const char* words) {
    return error.message.find(words) != std::string::npos;
  };
  return error.code == ErrorCode::Timeout || says("HTTP 504") ||
         (says("HTTP 503") && (says("timed out") || says("timeout")));
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
  std::optional<Error> too_large;  ///< a shorter part may do better
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
    const Error& error = answer.error();
    if (error.code == ErrorCode::Exhausted || is_slow(error)) return Part{error, 0};
    return error;
  }
  if (answer->status >= 400) {
    const std::string words =
        "query_range: HTTP " + std::to_string(answer->status) + ": " + error_text(answer->body);
    if (is_refused_for_size(answer->status, answer->body)) {
      return Part{Error{ErrorCode::Exhausted, words}, 0};
    }
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

bool is_refused_for_size(int status, std::string_view body) {
  if (status == 413) return true;
  std::string text(body.substr(0, 4096));
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::array<std::string_view, 10> kWords = {
      "too many", "too large", "max",     "maximum",  "limit",
      "limits",   "exceed",    "exceeds", "exceeded", "cannot select more than"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return has_word(text, word); });
}

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
    if (const auto& why = outcome->too_large) {
      const bool took_long = why->is_retryable();
      if (took_long && count <= kLeastSlowPoints) return *why;
      if (count == 1) {
        return Error{ErrorCode::Exhausted, "one step is too much for an answer: " + why->message};
      }
      points = ceiling = took_long ? std::max(count / kSlowFraction, kLeastSlowPoints) : count / 2;
      continue;
    }
    done += count;
    const std::uint64_t fitting = max_samples / std::max<std::size_t>(1, outcome->series);
    const auto longest = static_cast<std::int64_t>(std::min<std::uint64_t>(fitting, 1U << 30U));
    points = std::clamp<std::int64_t>(std::min(longest, kGrowth * count), 1, ceiling);
  }
  return {};
}

}  // namespace anomaly_exporter::sources
