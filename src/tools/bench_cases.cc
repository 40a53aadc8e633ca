#include "bench_cases.h"

#include <vector>

#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

struct Goal {
  const char* name;
  const char* unit;
  double accept, aim;
  bool higher_is_better = false;
};

BenchCase make_case(const Goal& goal, core::Result<double> (*measure)(const BenchContext&),
                    bool needs_prometheus = false) {
  BenchCase out{.result = {}, .needs_prometheus = needs_prometheus, .measure = measure};
  out.result.name = goal.name;
  out.result.unit = goal.unit;
  out.result.accept = goal.accept;
  out.result.aim = goal.aim;
  out.result.higher_is_better = goal.higher_is_better;
  return out;
}

}  // namespace

std::span<const BenchCase> bench_cases() {
  static const std::vector<BenchCase> cases{
      make_case({"xor_chunk_decode", "ns/sample", 10, 4.5}, measure_xor_chunk_decode),
      make_case({"query_json_decode", "ns/sample", 35, 17}, measure_query_json_decode),
      make_case({"zscore_cold", "ns/series", 60, 18}, measure_zscore_cold),
      make_case({"mad_cold", "ns/series", 800, 140}, measure_mad_cold),
      make_case({"seasonal_cold", "ns/series", 800, 250}, measure_seasonal_cold),
      make_case({"stl_1000_60", "us", 200, 75}, measure_stl),
      make_case({"esd_window", "us", 10, 2}, measure_esd),
      make_case({"forest_batch", "ns/vector", 1000, 330}, measure_forest_batch),
      make_case({"forest_train", "ms", 20, 5}, measure_forest_train),
      make_case({"lstm_batch", "us/window", 10, 3}, measure_lstm_batch),
      make_case({"lstm_train", "s", 10, 1.5}, measure_lstm_train),
      make_case({"autoencoder_batch", "us/entity", 1, 0.1}, measure_autoencoder_batch),
      make_case({"svm_score", "ns/vector", 300, 70}, measure_svm_score),
      make_case({"metrics_page_100k", "ms", 30, 8}, measure_metrics_page),
      make_case({"series_bytes", "bytes/series", 10'000, 6'000}, measure_series_bytes),
      make_case({"tick_100k", "samples/s/core", 300'000, 1'000'000, true}, measure_tick),
      make_case({"scrape_during_tick", "p99 / idle p99", 2, 1.2}, measure_scrape_during_tick),
      make_case({"backfill_10k", "s", 5, 1}, measure_backfill, true),
  };
  return cases;
}

}  // namespace anomaly_exporter::tools
