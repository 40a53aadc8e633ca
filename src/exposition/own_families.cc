#include "own_families.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "anomaly_exporter/core/labels.h"
#include "family_header.h"

namespace anomaly_exporter::exposition {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

std::string_view type_text(MetricType type, Format format) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      break;
  }
  return format == Format::OpenMetrics ? "unknown" : "untyped";
}

/// A number as label value (`le`, `quantile`): as Go's %g writes it, so that the same bound is the
/// same label from every program; OpenMetrics wants whole numbers to end in ".0".
std::string bound_text(double bound, Format format) {
  if (!std::isfinite(bound)) return core::number_text(bound);
  char text[core::kMaxNumberText];
  const auto end = std::to_chars(text, text + sizeof(text), bound, std::chars_format::general).ptr;
  std::string out(text, end);
  if (format == Format::OpenMetrics && out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

/// Writes the samples of one metric (one label set) of a family.
class Samples {
 public:
  Samples(Page& page, Format format, std::string_view name, const ClientMetric& metric)
      : page_(page), format_(format), name_(name), metric_(metric) {}

  /// A sample; `extra` is a further label such as `le`, left out when its name is empty.
  void add(std::string_view suffix, double value, const ClientMetric::Label& extra = {}) {
    begin(suffix, extra);
    page_.add_number(value);
    end();
  }

  void add_count(std::string_view suffix, std::uint64_t value,
                 const ClientMetric::Label& extra = {}) {
    begin(suffix, extra);
    char* at = page_.room(core::kMaxNumberText);
    page_.wrote(std::to_chars(at, at + core::kMaxNumberText, value).ptr);
    end();
  }

 private:
  void begin(std::string_view suffix, const ClientMetric::Label& extra) {
    page_.add(name_);
    page_.add(suffix);
    std::string labels;
    for (const ClientMetric::Label& label : metric_.label) append(labels, label);
    if (!extra.name.empty()) append(labels, extra);
    if (!labels.empty()) {
      labels.front() = '{';
      page_.add(labels);
      page_.add('}');
    }
    page_.add(' ');
  }

  static void append(std::string& labels, const ClientMetric::Label& label) {
    labels += ',';
    labels += label.name;
    labels += "=\"";
    core::append_escaped_label_value(labels, label.value);
    labels += '"';
  }

  /// Milliseconds in the text format, seconds in OpenMetrics.
  void end() {
    if (metric_.timestamp_ms != 0) {
      page_.add(' ');
      page_.add(format_ == Format::Text
                    ? std::to_string(metric_.timestamp_ms)
                    : core::number_text(static_cast<double>(metric_.timestamp_ms) / 1000));
    }
    page_.add('\n');
  }

  Page& page_;
  Format format_;
  std::string_view name_;
  const ClientMetric& metric_;
};

void write_histogram(Samples& samples, Format format, const ClientMetric::Histogram& histogram) {
  bool has_infinity = false;
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    samples.add_count("_bucket", bucket.cumulative_count,
                      {"le", bound_text(bucket.upper_bound, format)});
    has_infinity = bucket.upper_bound == std::numeric_limits<double>::infinity();
  }
  if (!has_infinity) samples.add_count("_bucket", histogram.sample_count, {"le", "+Inf"});
  samples.add_count("_count", histogram.sample_count);
  samples.add("_sum", histogram.sample_sum);
}

void write_summary(Samples& samples, Format format, const ClientMetric::Summary& summary) {
  for (const ClientMetric::Quantile& quantile : summary.quantile) {
    samples.add("", quantile.value, {"quantile", bound_text(quantile.quantile, format)});
  }
  samples.add_count("_count", summary.sample_count);
  samples.add("_sum", summary.sample_sum);
}

}  // namespace

void write_own_family(Page& page, Format format, const prometheus::MetricFamily& family) {
  std::string_view name = family.name;
  std::string_view counter_suffix;
  if (family.type == MetricType::Counter && format == Format::OpenMetrics) {
    if (name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
    counter_suffix = kTotal;
  }
  write_family_header(page, format, name, family.help, type_text(family.type, format));
  for (const ClientMetric& metric : family.metric) {
    Samples samples(page, format, name, metric);
    switch (family.type) {
      case MetricType::Counter:
        samples.add(counter_suffix, metric.counter.value);
        break;
      case MetricType::Gauge:
        samples.add("", metric.gauge.value);
        break;
      case MetricType::Untyped:
        samples.add("", metric.untyped.value);
        break;
      case MetricType::Histogram:
        write_histogram(samples, format, metric.histogram);
        break;
      case MetricType::Summary:
        write_summary(samples, format, metric.summary);
        break;
    }
  }
}

}  // namespace anomaly_exporter::exposition
