#include "anomaly_exporter/exposition/writer.h"

#include <algorithm>

#include "dialects.h"
#include "own_families.h"
#include "page.h"
#include "score_families.h"

namespace anomaly_exporter::exposition {

core::Status ExpositionOptions::validate() const {
  for (std::size_t i = 0; i < families.size(); ++i) {
    const auto invalid = [&](const std::string& what) {
      return core::Error{core::ErrorCode::InvalidArgument,
                         "families[" + std::to_string(i) + "]: \"" + families[i] + "\" " + what};
    };
    if (std::find(std::begin(kFamilies), std::end(kFamilies), families[i]) == std::end(kFamilies)) {
      std::string known;
      for (const std::string_view name : kFamilies) {
        known += known.empty() ? "" : ", ";
        known += name;
      }
      return invalid("is not one of " + known);
    }
    const auto end = families.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(families.begin(), end, families[i]) != end) return invalid("is named twice");
  }
  return validate_dialects(*this);
}

std::string_view content_type(Format format) {
  return format == Format::OpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

void render(Format format, const ExpositionOptions& options, const SnapshotStore::List& snapshots,
            std::span<const prometheus::MetricFamily> own, std::string& out) {
  out.reserve(estimate_bytes(options, snapshots));
  Page page(out);
  write_score_families(page, format, options.families, snapshots);
  write_dialects(page, format, options, snapshots, own);
  for (const prometheus::MetricFamily& family : own) write_own_family(page, format, family);
  if (format == Format::OpenMetrics) page.add("# EOF\n");
  page.flush();
}

}  // namespace anomaly_exporter::exposition
