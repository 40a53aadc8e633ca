#include "anomaly_exporter/sources/query_decoder.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/net/error_text.h"
#include "api_envelope.h"
#include "json_scanner.h"
#include "sample_text.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Status;

/// Reads `data` of the query API: `{"resultType":...,"result":...}`.
class QueryData {
 public:
  QueryData(JsonScanner& scanner, LabelCache& cache, QueryNotes& notes)
      : scanner_(&scanner), cache_(&cache), notes_(&notes) {}

  /// `read_result(type)` reads the value of `result`.
  template <class ReadResult>
  bool read(ReadResult&& read_result) {
    std::optional<std::string> type;
    bool has_result = false;
    const char* later = nullptr;
    const bool ok = scanner_->members([&](std::string_view key) {
      if (key == "resultType") {
        if (type) return scanner_->fail("member given twice");
        return scanner_->read_string(type.emplace());
      }
      if (key != "result") return scanner_->skip_value();
      if (std::exchange(has_result, true)) return scanner_->fail("member given twice");
      if (type) return read_result(*type);
      later = scanner_->position();
      return scanner_->skip_value();
    });
    if (!ok) return false;
    if (!type) return scanner_->fail("no resultType");
    if (!has_result) return scanner_->fail("no result");
    if (later == nullptr) return true;
    const char* const end = scanner_->position();
    scanner_->seek(later);
    if (!read_result(*type)) return false;
    scanner_->seek(end);
    return true;
  }

  /// Reads one element of `result`. `on_series(labels, samples)` is called when its labels are
  /// valid and it has numbers.
  template <class OnSeries>
  bool read_series(OnSeries&& on_series) {
    samples_.clear();
    std::string_view metric;
    bool has_metric = false;
    bool has_values = false;
    const bool ok = scanner_->members([&](std::string_view key) {
      if (key == "metric") {
        if (std::exchange(has_metric, true)) return scanner_->fail("member given twice");
        if (!scanner_->is_next('{')) return scanner_->fail("metric is not an object");
        return scanner_->read_raw_value(metric);
      }
      if (key == "value" || key == "values") {
        if (std::exchange(has_values, true)) return scanner_->fail("member given twice");
        return key == "value" ? read_sample(samples_.emplace_back()) : read_samples();
      }
      if (key == "histogram" || key == "histograms") {
        has_histogram_ = true;
        return key == "histogram" ? count_histogram() : count_histograms();
      }
      return scanner_->skip_value();
    });
    if (!ok) return false;
    if (!has_metric) return scanner_->fail("series without metric");
    if (!has_values && !std::exchange(has_histogram_, false)) {
      return scanner_->fail("series without value");
    }
    has_histogram_ = false;
    core::LabelsPtr labels;
    if (!find_labels(metric, labels)) return false;
    if (!labels) {
      ++notes_->invalid_labels;
      return true;
    }
    if (samples_.empty()) return true;
    notes_->samples += samples_.size();
    return on_series(labels, std::span<const series::Sample>(samples_));
  }

  /// Reads `[<seconds>,"<value>"]`.
  bool read_sample(series::Sample& out) {
    const char* const at = scanner_->position();
    if (static_cast<std::size_t>(scanner_->end() - at) >= kFastSampleBytes) {
      if (const char* const end = parse_sample_fast(at, out)) {
        scanner_->seek(end);
        return true;
      }
    }
    return read_sample_slowly(out);
  }

 private:
  bool read_samples() {
    return scanner_->elements([this] { return read_sample(samples_.emplace_back()); });
  }

  bool read_sample_slowly(series::Sample& out) {
    std::string_view seconds;
    std::string_view value;
    if (!scanner_->expect('[') || !scanner_->read_raw_number(seconds)) return false;
    const auto time = parse_seconds(seconds);
    if (!time) return scanner_->fail_at(seconds.data(), "time out of range");
    if (!scanner_->expect(',') || !scanner_->read_raw_string(value)) return false;
    const auto number = core::parse_number(value);
    if (!number) return scanner_->fail_at(value.data(), "value is not a number");
    out = {*time, *number};
    return scanner_->expect(']');
  }

  bool count_histogram() {
    ++notes_->not_a_number;
    return scanner_->skip_value();
  }
  bool count_histograms() {
    return scanner_->elements([this] { return count_histogram(); });
  }

  /// Labels of a metric object that the scanner has passed; null when they are not valid. False
  /// when it is not an object of strings.
  bool find_labels(std::string_view metric, core::LabelsPtr& labels) {
    labels = cache_->find(metric);
    if (labels) return true;
    JsonScanner inner(metric);
    std::vector<core::Label> items;
    const bool ok = inner.members([&](std::string_view name) {
      items.push_back({std::string(name), {}});
      return inner.read_string(items.back().value);
    });
    if (!ok) return scanner_->fail_at(metric.data(), "label value is not a string");
    auto made = core::Labels::create(std::move(items));
    if (made) labels = cache_->insert(metric, std::move(*made));
    return true;
  }

  JsonScanner* scanner_;
  LabelCache* cache_;
  QueryNotes* notes_;
  bool has_histogram_ = false;
  std::vector<series::Sample> samples_;  // of the series in hand
};

/// The query is of another kind than its place asks for.
Error wrong_type(const std::string& type, std::string_view wanted) {
  return {ErrorCode::InvalidArgument,
          "the query returns a " + net::printable(type, 20) + ", not a " + std::string(wanted)};
}

}  // namespace

Status decode_vector(std::string_view body, LabelCache& cache, InstantAnswer& out) {
  QueryNotes notes;
  ApiEnvelope envelope(body);
  QueryData data(envelope.scanner, cache, notes);
  const auto keep = [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
    out.samples.push_back({labels, samples.front()});
    return true;
  };
  const auto read_result = [&](const std::string& type) {
    if (type == "vector") {
      return envelope.scanner.elements([&] { return data.read_series(keep); });
    }
    if (type != "scalar") return envelope.refuse(wrong_type(type, "vector"));
    series::Sample sample;
    if (!data.read_sample(sample)) return false;
    out.samples.push_back({cache.insert("{}", core::Labels()), sample});
    return true;
  };
  const Status status = envelope.read([&] { return data.read(read_result); });
  std::move(envelope.warnings.begin(), envelope.warnings.end(), std::back_inserter(out.warnings));
  out.not_a_number += notes.not_a_number;
  out.invalid_labels += notes.invalid_labels;
  return status;
}

Status decode_matrix(std::string_view body, LabelCache& cache, const RangeSink& sink,
                     QueryNotes& notes) {
  ApiEnvelope envelope(body);
  QueryData data(envelope.scanner, cache, notes);
  const auto pass_on = [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
    if (auto taken = sink(labels, samples); !taken) return envelope.refuse(taken.error());
    return true;
  };
  const auto read_result = [&](const std::string& type) {
    if (type != "matrix") return envelope.refuse(wrong_type(type, "matrix"));
    return envelope.scanner.elements([&] { return data.read_series(pass_on); });
  };
  const Status status = envelope.read([&] { return data.read(read_result); });
  std::move(envelope.warnings.begin(), envelope.warnings.end(), std::back_inserter(notes.warnings));
  return status;
}

core::Result<std::vector<std::string>> decode_strings(std::string_view body) {
  ApiEnvelope envelope(body);
  std::vector<std::string> out;
  const Status status = envelope.read([&] {
    return envelope.scanner.elements(
        [&] { return envelope.scanner.read_string(out.emplace_back()); });
  });
  if (!status) return status.error();
  return out;
}

std::string error_text(std::string_view body) { return net::error_text(body); }

}  // namespace anomaly_exporter::sources
