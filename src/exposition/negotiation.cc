#include <algorithm>
#include <optional>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// Cuts the part before the next `separator` outside quotes off `text`, trimmed.
std::string_view take_part(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (text[end] == '\\' && quoted && end + 1 < text.size())
      ++end;
    else if (text[end] == separator && !quoted)
      break;
  }
  const std::string_view part = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// One element of an Accept or Accept-Encoding header. A quality that is not a number from 0 to 1
/// counts as 0: what a client did not say properly it did not ask for.
struct Element {
  std::string_view name;     ///< media range or coding
  std::string_view version;  ///< empty when not given
  double quality = 1;
};

Element parse_element(std::string_view text) {
  Element element;
  element.name = take_part(text, ';');
  while (!text.empty()) {
    std::string_view value = take_part(text, ';');
    const std::string_view key = take_part(value, '=');
    value = trimmed(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (equals_ignoring_case(key, "version")) element.version = value;
    if (equals_ignoring_case(key, "q")) {
      const double quality = core::parse_number(value).value_or(0);
      element.quality = quality >= 0 && quality <= 1 ? quality : 0;
    }
  }
  return element;
}

/// What the header says of one media type: the quality of the most specific range that matches.
class Preference {
 public:
  Preference(std::string_view type, std::string_view range, std::string_view version)
      : type_(type), range_(range), version_(version) {}

  void consider(const Element& element) {
    const int specificity = match(element);
    if (specificity < specificity_) return;
    // Equally specific ranges: the better word counts.
    quality_ = specificity == specificity_ ? std::max(quality_, element.quality) : element.quality;
    specificity_ = specificity;
  }

  [[nodiscard]] double quality() const { return quality_; }

 private:
  [[nodiscard]] int match(const Element& element) const {
    if (equals_ignoring_case(element.name, type_)) {
      if (element.version.empty()) return 3;
      return element.version == version_ ? 4 : 0;
    }
    if (equals_ignoring_case(element.name, range_)) return 2;
    return element.name == "*/*" ? 1 : 0;
  }

  std::string_view type_;
  std::string_view range_;
  std::string_view version_;
  int specificity_ = 1;
  double quality_ = 0;
};

}  // namespace

Format negotiate_format(std::string_view accept) {
  Preference text("text/plain", "text/*", "0.0.4");
  Preference open_metrics("application/openmetrics-text", "application/*", "1.0.0");
  while (!accept.empty()) {
    const Element element = parse_element(take_part(accept, ','));
    text.consider(element);
    open_metrics.consider(element);
  }
  return open_metrics.quality() > text.quality() ? Format::OpenMetrics : Format::Text;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> named;
  std::optional<double> any;
  while (!accept_encoding.empty()) {
    const Element element = parse_element(take_part(accept_encoding, ','));
    if (equals_ignoring_case(element.name, "gzip") ||
        equals_ignoring_case(element.name, "x-gzip")) {
      named = std::max(named.value_or(0), element.quality);
    } else if (element.name == "*") {
      any = element.quality;
    }
  }
  return named.value_or(any.value_or(0)) > 0;
}

}  // namespace anomaly_exporter::exposition
