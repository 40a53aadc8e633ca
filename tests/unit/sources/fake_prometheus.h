#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/sample.h"
#include "anomaly_exporter/sources/remote_read.h"
#include "remote.pb.h"
#include "support/http_server.h"
#include "support/remote_frame.h"
#include "support/xor_encoder.h"

namespace anomaly_exporter::sources {

using series::Sample;
using support::http_reply;
using support::HttpAsked;
using support::ScriptedReply;

struct Series {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<Sample> samples;
};

/// A Prometheus with remote-read and just enough of the query API, over series in memory.
class FakePrometheus {
 public:
  std::vector<Series> series;
  std::map<std::string, std::string> external;  ///< labels added by remote-read
  int read_status = 200;                        ///< other than 200: remote-read is refused
  std::int64_t longest_range_ms = INT64_MAX;    ///< longer ones of query_range are refused
  bool knows_chunks = true;  ///< else it answers with samples whatever is asked for, like Cortex
  std::string config_yaml_override;
  std::function<std::string(std::string)> damage;  ///< applied to remote-read bodies

  ScriptedReply operator()(const HttpAsked& asked) const {
    const std::string path = asked.target.substr(0, asked.target.find('?'));
    if (path == "/api/v1/read") return read(asked);
    if (path == "/api/v1/status/config") return http_reply(200, config());
    if (path.starts_with("/api/v1/label/")) return http_reply(200, label_values(path));
    if (path == "/api/v1/query" || path == "/api/v1/query_range") return query(asked, path);
    return http_reply(404, "no such page");
  }

 private:
  std::string config() const {
    std::string yaml = "global:\\n  external_labels:\\n";
    for (const auto& [name, value] : external) yaml += "    " + name + ": " + value + "\\n";
    if (!config_yaml_override.empty()) yaml = config_yaml_override;
    return R"({"status":"success","data":{"yaml":")" + yaml + R"("}})";
  }

  std::string label_values(const std::string& path) const {
    std::string values;
    for (const Series& s : series) {
      for (const auto& [name, value] : s.labels) {
        if (path == "/api/v1/label/" + name + "/values") values = "\"" + value + "\"";
      }
    }
    return R"({"status":"success","data":[)" + values + "]}";
  }

  ScriptedReply read(const HttpAsked& asked) const {
    if (read_status != 200) return http_reply(read_status, "remote read is not offered");
    const auto body = snappy_uncompress(asked.body, 1 << 20);
    oracle::ReadRequest request;
    if (!body.ok() || !request.ParseFromString(*body) || request.queries_size() != 1) {
      return http_reply(400, "bad request");
    }
    const auto& query = request.queries(0);
    const bool streamed = knows_chunks && request.accepted_response_types(0) == 1;
    oracle::ReadResponse response;
    auto* result = response.add_results();
    std::string frames;
    for (const Series& s : series) {
      std::vector<Sample> inside;
      for (const Sample& sample : s.samples) {
        if (sample.time.ms >= query.start_timestamp_ms() &&
            sample.time.ms <= query.end_timestamp_ms()) {
          inside.push_back(sample);
        }
      }
      if (inside.empty()) continue;
      if (streamed) {
        for (std::size_t at = 0; at < inside.size(); at += 120) frames += frame(s, inside, at);
      } else {
        auto* out = result->add_timeseries();
        add_labels(out, s);
        for (const Sample& sample : inside) {
          auto* one = out->add_samples();
          one->set_timestamp(sample.time.ms);
          one->set_value(sample.value);
        }
      }
    }
    std::string answer = streamed ? frames : snappy_compress(response.SerializeAsString());
    if (damage) answer = damage(std::move(answer));
    const char* type = streamed
                           ? "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
                           : "application/x-protobuf";
    return http_reply(200, answer, type).in_pieces(1000);
  }

  /// A frame with the chunk of the 120 samples from `at` on.
  std::string frame(const Series& s, const std::vector<Sample>& samples, std::size_t at) const {
    const std::size_t count = std::min<std::size_t>(120, samples.size() - at);
    oracle::ChunkedReadResponse message;
    auto* out = message.add_chunked_series();
    add_labels(out, s);
    auto* chunk = out->add_chunks();
    chunk->set_type(oracle::Chunk::XOR);
    chunk->set_data(support::XorEncoder::encode(std::span(samples).subspan(at, count)));
    return support::remote_frame(message.SerializeAsString());
  }

  template <class Out>
  void add_labels(Out* out, const Series& s) const {
    std::map<std::string, std::string> all(s.labels.begin(), s.labels.end());
    all.insert(external.begin(), external.end());
    for (const auto& [name, value] : all) {
      auto* label = out->add_labels();
      label->set_name(name);
      label->set_value(value);
    }
  }

  /// Answers `{...}` as a vector at "time", `{...}[Nms]` as the matrix of raw samples, and
  /// query_range of `{...}` with the samples that lie on the grid.
  ScriptedReply query(const HttpAsked& asked, const std::string& path) const {
    const std::string text = asked.parameter("query").value_or("");
    const bool range = path == "/api/v1/query_range";
    const auto time = [&](const char* name) {
      return core::parse_timestamp(asked.parameter(name).value_or("0")).value().ms;
    };
    const std::int64_t to = time(range ? "end" : "time");
    const std::size_t bracket = text.find('[');
    std::int64_t from = range ? time("start") : to - 300'000;
    if (bracket != text.npos) from = to - std::stoll(text.substr(bracket + 1));
    if (range && to - from > longest_range_ms) {
      return http_reply(422,
                        R"({"status":"error","error":"the query time range exceeds the limit"})");
    }
    const bool vector = !range && bracket == text.npos;
    std::string result;
    for (const Series& s : series) {
      std::string values;
      std::string last;
      for (const Sample& sample : s.samples) {
        if (sample.time.ms < from || sample.time.ms > to) continue;
        last = "," + core::number_text(static_cast<double>(to) / 1000) + ",\"" +
               core::number_text(sample.value) + "\"]";
        if (core::is_stale_marker(sample.value)) {
          last.clear();
          continue;
        }
        values += (values.empty() ? "[" : ",[") +
                  core::number_text(static_cast<double>(sample.time.ms) / 1000) + ",\"" +
                  core::number_text(sample.value) + "\"]";
      }
      if (vector ? last.empty() : values.empty()) continue;
      result += std::string(result.empty() ? "" : ",") + R"({"metric":{)";
      for (const auto& [name, value] : s.labels) {
        result += std::string(result.back() == '{' ? "\"" : ",\"") + name + "\":\"" + value + "\"";
      }
      result +=
          vector ? R"(},"value":[)" + last.substr(1) + "}" : R"(},"values":[)" + values + "]}";
    }
    return http_reply(200, R"({"status":"success","data":{"resultType":")" +
                               std::string(vector ? "vector" : "matrix") + R"(","result":[)" +
                               result + "]}}");
  }
};

}  // namespace anomaly_exporter::sources
