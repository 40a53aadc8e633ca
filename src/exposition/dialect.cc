#include "anomaly_exporter/exposition/dialect.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "dialects.h"

namespace anomaly_exporter::exposition {
namespace {

/// Severities that the counter of dwcp tells apart.
constexpr std::size_t kCountedLevels = 3;

core::Error invalid(const std::string& what) { return {core::ErrorCode::InvalidArgument, what}; }

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

core::Status validate_vmanomaly_name(const std::string& name) {
  const auto fault = [&](const std::string& what) {
    return invalid("vmanomaly_name: " + quoted(name) + " " + what);
  };
  const std::size_t at = name.find(kVar);
  if (at == std::string::npos || name.find(kVar, at + 1) != std::string::npos) {
    return fault("does not hold $VAR once; write it like vmanomaly_$VAR");
  }
  const std::string sample = vmanomaly_family(name, "y");
  const bool is_legal =
      is_letter(sample.front()) &&
      std::all_of(sample.begin(), sample.end(), [](char c) { return is_letter(c) || is_digit(c); });
  if (!is_legal) return fault("does not make metric names; use letters, digits, _ and :");
  for (const std::string_view ours : {"anomaly_exporter_", "process_"}) {
    if (sample.starts_with(ours)) {
      return fault("begins like our own metrics; write another prefix than " + std::string(ours));
    }
  }
  return {};
}

/// Who serves the family already: a dialect before number `end` of the list, or `families`.
std::string owner_of(const std::string& family, const ExpositionOptions& options, std::size_t end) {
  const auto holds = [&](const std::vector<std::string>& families) {
    return std::find(families.begin(), families.end(), family) != families.end();
  };
  if (holds(options.families)) return "families";
  for (std::size_t i = 0; i < end; ++i) {
    if (holds(dialect_families(options.dialects[i], options))) return quoted(options.dialects[i]);
  }
  return {};
}

}  // namespace

std::string vmanomaly_family(std::string_view name, std::string_view var) {
  std::string out(name);
  return out.replace(out.find(kVar), kVar.size(), var);
}

std::vector<std::string> dialect_families(std::string_view dialect,
                                          const ExpositionOptions& options) {
  if (dialect == "dwcp") return {std::begin(kDwcpFamilies), std::end(kDwcpFamilies)};
  if (dialect == "promql") return {std::begin(kPromqlFamilies), std::end(kPromqlFamilies)};
  std::vector<std::string> out;
  for (const std::string_view var : kVmanomalyFamilies) {
    out.push_back(vmanomaly_family(options.vmanomaly_name, var));
  }
  return out;
}

core::Status validate_dialects(const ExpositionOptions& options) {
  if (core::Status name = validate_vmanomaly_name(options.vmanomaly_name); !name) return name;
  const std::vector<std::string>& dialects = options.dialects;
  for (std::size_t i = 0; i < dialects.size(); ++i) {
    const std::string place = "dialects[" + std::to_string(i) + "]: " + quoted(dialects[i]);
    if (std::find(std::begin(kDialects), std::end(kDialects), dialects[i]) == std::end(kDialects)) {
      return invalid(place + " is not one of dwcp, vmanomaly, promql");
    }
    const auto end = dialects.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(dialects.begin(), end, dialects[i]) != end) {
      return invalid(place + " is named twice");
    }
    for (const std::string& family : dialect_families(dialects[i], options)) {
      const std::string owner = owner_of(family, options, i);
      if (owner.empty()) continue;
      const std::string way_out = owner == "families" ? "leave " + family + " out of families"
                                                      : "keep one of the two dialects";
      return invalid(place + " serves " + quoted(family) + ", and so does " + owner + "; " +
                     way_out + ", or set vmanomaly_name, like vmanomaly_$VAR");
    }
  }
  return {};
}

std::vector<std::string> served_families(const ExpositionOptions& options) {
  std::vector<std::string> out;
  for (const std::string_view family : kFamilies) {
    if (std::find(options.families.begin(), options.families.end(), family) !=
        options.families.end()) {
      out.emplace_back(family);
    }
  }
  for (const std::string& dialect : options.dialects) {
    const auto families = dialect_families(dialect, options);
    out.insert(out.end(), families.begin(), families.end());
  }
  return out;
}

std::vector<std::string> own_families(const ExpositionOptions& options) {
  ExpositionOptions all = options;
  all.families.assign(std::begin(kFamilies), std::end(kFamilies));
  return served_families(all);
}

DialectLines dialect_lines(const ExpositionOptions& options, std::size_t detectors) {
  DialectLines lines;
  for (const std::string& dialect : options.dialects) {
    if (dialect == "vmanomaly") lines.per_series += std::size(kVmanomalyFamilies);
    if (dialect == "promql") lines.per_series += std::size(kPromqlFamilies);
    if (dialect != "dwcp") continue;
    lines.per_metric += (kCountedLevels + 1) * (detectors + 1);
    constexpr std::size_t kLatencyLines = 16;  // 13 bounds, +Inf, count and sum
    lines.once += kLatencyLines + 1;
  }
  return lines;
}

float limit_score(double score, double threshold) {
  // The smallest distance of a float from 1: a score that reads 1 is nearly 1.
  constexpr double kNearest = 1.0 / (1 << 24);
  const double rarity =
      std::log(std::max(1 - score, kNearest)) / std::log(std::max(1 - threshold, kNearest));
  const auto out = static_cast<float>(rarity);
  if (score >= threshold) return std::max(out, 1.0F);
  return std::clamp(out, 0.0F, std::nextafter(1.0F, 0.0F));
}

void write_dialects(Page& page, Format format, const ExpositionOptions& options,
                    const SnapshotStore::List& snapshots,
                    std::span<const prometheus::MetricFamily> own) {
  for (const std::string& dialect : options.dialects) {
    if (dialect == "dwcp") write_dwcp(page, format, snapshots, own);
    if (dialect == "promql") write_promql(page, format, snapshots);
    if (dialect == "vmanomaly") write_vmanomaly(page, format, options.vmanomaly_name, snapshots);
  }
}

}  // namespace anomaly_exporter::exposition
