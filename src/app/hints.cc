#include "anomaly_exporter/app/hints.h"

#include <algorithm>
#include <numeric>

namespace anomaly_exporter::app {

namespace {

constexpr std::size_t kJobsShown = 5;

/// The value of the first `job="..."` or `job=~"..."` in a PromQL text; empty when there is none.
std::string_view job_asked_for(std::string_view request) {
  for (std::size_t at = request.find("job"); at != std::string_view::npos;
       at = request.find("job", at + 1)) {
    std::size_t i = at + 3;
    if (i < request.size() && request[i] == '=') ++i;
    if (i < request.size() && request[i] == '~') ++i;
    if (i >= request.size() || (request[i] != '"' && request[i] != '\'') || i == at + 3) continue;
    const std::size_t end = request.find(request[i], i + 1);
    if (end == std::string_view::npos) return {};
    return request.substr(i + 1, end - i - 1);
  }
  return {};
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string empty_metric_hint(std::string_view request, std::vector<std::string> jobs) {
  std::string hint = "no series";
  if (jobs.empty()) return hint + "; the source knows no jobs yet";
  const std::string_view asked = job_asked_for(request);
  std::sort(jobs.begin(), jobs.end());
  if (!asked.empty()) {
    std::stable_sort(jobs.begin(), jobs.end(), [&](const auto& a, const auto& b) {
      return edit_distance(a, asked) < edit_distance(b, asked);
    });
    if (std::find(jobs.begin(), jobs.end(), asked) == jobs.end()) {
      hint += "; job \"" + std::string(asked) + "\" does not exist, did you mean \"" +
              jobs.front() + "\"?";
    }
  }
  hint += "; existing jobs: ";
  for (std::size_t i = 0; i < std::min(jobs.size(), kJobsShown); ++i) {
    if (i > 0) hint += ", ";
    hint += jobs[i];
  }
  if (jobs.size() > kJobsShown)
    hint += ", and " + std::to_string(jobs.size() - kJobsShown) + " more";
  return hint;
}

}  // namespace anomaly_exporter::app
