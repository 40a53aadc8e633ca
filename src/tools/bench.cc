#include "anomaly_exporter/tools/bench.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "anomaly_exporter/core/cpu.h"
#include "bench_cases.h"

namespace anomaly_exporter::tools {

namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void print_table(const std::vector<BenchResult>& results, std::ostream& out) {
  char line[200];
  std::snprintf(line, sizeof line, "%-28s %12s %-18s %12s %12s  %s\n", "name", "value", "unit",
                "accept", "aim", "verdict");
  out << line;
  for (const auto& r : results) {
    const auto meets = [&](double goal) {
      return r.higher_is_better ? r.value >= goal : r.value <= goal;
    };
    const char* verdict = meets(r.aim) ? "aim" : meets(r.accept) ? "accept" : "MISSED";
    std::snprintf(line, sizeof line, "%-28s %12.4g %-18s %12.4g %12.4g  %s\n", r.name.c_str(),
                  r.value, r.unit.c_str(), r.accept, r.aim, verdict);
    out << line;
  }
  out << "kernels: " << to_string(core::detected_cpu_level()) << '\n';
}

template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

void print_json(const std::vector<BenchResult>& results, std::ostream& out) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& r : results) {
    array.push_back({{"name", r.name},
                     {"unit", r.unit},
                     {"value", r.value},
                     {"higher_is_better", r.higher_is_better},
                     {"accept", r.accept},
                     {"aim", r.aim},
                     {"peer", or_null(r.peer)},
                     {"peer_value", or_null(r.peer_value)},
                     {"ratio", or_null(r.ratio)}});
  }
  out << array.dump(2) << '\n';
}

}  // namespace

core::Result<std::vector<BenchResult>> bench(const BenchOptions& options, const core::Clock& clock,
                                             std::ostream& out) {
  std::vector<BenchResult> results;
  for (const BenchCase& bench_case : bench_cases()) {
    if (!bench_case.result.name.starts_with(options.only)) continue;
    if (bench_case.needs_prometheus && options.prometheus_url.empty()) continue;
    std::vector<double> values;
    for (unsigned run = 0; run < options.runs; ++run) {
      // A new seed each time: no run meets data that an earlier one has taught the processor.
      const auto value = bench_case.measure(
          {.clock = &clock, .seed = 1 + run, .prometheus_url = options.prometheus_url});
      if (!value.ok()) return value.error().within(bench_case.result.name);
      values.push_back(*value);
    }
    BenchResult result = bench_case.result;
    result.value = median(std::move(values));
    results.push_back(std::move(result));
  }
  if (results.empty()) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "no benchmark begins with \"" + options.only + "\""};
  }
  options.json ? print_json(results, out) : print_table(results, out);
  return results;
}

}  // namespace anomaly_exporter::tools
