// The answer of query_json_decode read with simdjson (on demand): times and values are turned into
// numbers, label values are looked at, nothing is kept.
// usage: simdjson_peer SEED -> ns per sample
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench_data.h"
#include "bench_measures.h"

int main(int argc, char** argv) {
  using namespace anomaly_exporter::tools;
  const simdjson::padded_string body(
      matrix_json(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1, 1'000, 1'000));
  simdjson::ondemand::parser parser;
  std::size_t samples = 0;
  std::size_t label_bytes = 0;
  double sum = 0;
  const double begin = thread_cpu_ns();
  try {
    auto document = parser.iterate(body);
    for (auto series : document["data"]["result"].get_array()) {
      for (auto label : series["metric"].get_object()) {
        label_bytes += std::string_view(label.value().get_string()).size();
      }
      for (auto point : series["values"].get_array()) {
        auto element = point.get_array().begin();
        sum += double((*element).get_double());
        ++element;
        sum += double((*element).get_double_in_string());
        ++samples;
      }
    }
  } catch (const simdjson::simdjson_error& error) {
    std::fprintf(stderr, "simdjson_peer: %s\n", error.what());
    return 1;
  }
  const double spent = thread_cpu_ns() - begin;
  if (samples != 1'000'000 || label_bytes == 0 || sum == 0) return 1;
  std::printf("%.6g\n", spent / static_cast<double>(samples));
  return 0;
}
