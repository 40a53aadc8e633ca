#include <cmath>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/number_text.h"
#include "presets.h"
#include "sections.h"

namespace anomaly_exporter::config {
namespace {

constexpr const char* kPreface =
    "# Configuration\n"
    "\n"
    "One YAML file, given by `--config.file`. `anomalytool check config FILE` checks it; the "
    "program\n"
    "checks it the same way at start and at every reload.\n"
    "\n"
    "The file is read strictly: an unknown or repeated key, a wrong type, a value out of range or "
    "a\n"
    "contradiction is an error that names file, line and key. Relative file names start at the\n"
    "directory of the configuration file.\n"
    "\n"
    "* **duration**: as in Prometheus, such as `10s`, `5m`, `1h30m`, `14d`.\n"
    "* **size**: bytes, or a whole number with `KiB`, `MiB` or `GiB`.\n"
    "* **secret**: text that is shown as `<secret>` wherever the configuration is shown. Each has "
    "a\n"
    "  twin that names a file instead.\n"
    "\n"
    "This page is generated from the tables by which the file is read.\n";

/// Anchor that Markdown renderers give a heading.
std::string anchor_of(const std::string& title) {
  std::string anchor;
  for (const char c : title) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-') anchor += c;
    if (c >= 'A' && c <= 'Z') anchor += static_cast<char>(c - 'A' + 'a');
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

std::string in_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string code(const std::string& text) {
  if (text.empty() || text.find('`') != std::string::npos) return text;
  return "`" + text + "`";
}

void print(const SectionDoc& section, std::string& out) {
  out += "\n## " + section.title + "\n\n";
  if (!section.text.empty()) out += section.text + "\n\n";
  out += "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
  for (const FieldDoc& f : section.fields) {
    const std::string type =
        f.section.empty() ? f.type : "[" + f.type + "](#" + anchor_of(f.section) + ")";
    const std::string fallback = f.is_required ? "needed" : code(f.fallback);
    out += "| `" + f.name + "` | " + type + " | " + in_cell(fallback) + " | " + in_cell(f.range) +
           " | " + in_cell(f.text) + " |\n";
  }
}

std::string range_text(double least, double most) {
  if (std::isinf(least) && std::isinf(most)) return "";
  if (std::isinf(most)) return "at least " + core::number_text(least);
  if (std::isinf(least)) return "at most " + core::number_text(most);
  return core::number_text(least) + " to " + core::number_text(most);
}

std::string critical_text(const severity::CriticalLimits& limits) {
  std::vector<std::string> words;
  if (!std::isinf(limits.below)) words.push_back("below " + core::number_text(limits.below));
  if (!std::isinf(limits.above)) words.push_back("above " + core::number_text(limits.above));
  return joined(words, " or ");
}

std::string deviation_text(const ensemble::Significance& significance) {
  std::vector<std::string> words;
  if (significance.min_deviation_absolute > 0) {
    words.push_back(core::number_text(significance.min_deviation_absolute));
  }
  if (significance.min_deviation_relative > 0) {
    words.push_back(core::number_text(significance.min_deviation_relative * 100) + "%");
  }
  return joined(words, " and ");
}

Preset shown_preset(const std::string& preset, const std::string& variant, bool is_extended) {
  if (preset != "data_quality") return make_preset(preset, variant, is_extended, "");
  return make_data_quality({.selector = "SELECTOR", .agrees_with = "AGREES_WITH"}, {"job"});
}

/// One variant's metrics. The extended ones, behind the others, are marked.
void print_variant(const std::string& preset, const std::string& variant, std::string& out) {
  const std::size_t plain = shown_preset(preset, variant, false).metrics.size();
  const Preset all = shown_preset(preset, variant, true);
  out += "\n### Preset " + preset + ", variant " + variant + "\n\nEntities: one per `";
  out += joined(all.group_by) + "`.\n\n";
  out += "| metric | unit | least deviation | valid range | critical | query |\n";
  out += "|---|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < all.metrics.size(); ++i) {
    const MetricConfig& metric = all.metrics[i];
    out += "| `" + metric.request.metric + "`";
    out += i < plain ? "" : " (extended)";
    out += " | " + metric.unit + " | " + deviation_text(metric.significance) + " | ";
    out += range_text(metric.significance.valid_min, metric.significance.valid_max) + " | ";
    out += critical_text(metric.critical) + " | `" + in_cell(metric.request.text) + "` |\n";
  }
}

constexpr const char* kPresetsText =
    "\n## Presets\n"
    "\n"
    "What a preset stands for. Every key of every metric, the query included, can be replaced "
    "under\n"
    "`metrics`, and metrics of your own can stand beside them. The preset's `selector` is put "
    "into\n"
    "each selector of each query.\n"
    "\n"
    "`dwcp` joins its metrics by `cluster` and `instance`. With `variant: novacron` let `cluster` "
    "be\n"
    "a label of the scrape target, since most of that system's metrics do not carry it.\n";

}  // namespace

std::string reference_page() {
  std::string out = kPreface;
  std::vector<SectionDoc> sections{doc_of(file_section()), doc_of(global_section())};
  for (SectionDoc& doc : source_section_docs()) sections.push_back(std::move(doc));
  sections.push_back(doc_of(monitor_section()));
  sections.push_back(doc_of(metric_section()));
  sections.push_back(doc_of(critical_section()));
  sections.push_back(doc_of(band_section()));
  sections.push_back(doc_of(detectors_section()));
  for (SectionDoc& doc : detector_section_docs()) sections.push_back(std::move(doc));
  sections.push_back(doc_of(ensemble_section()));
  sections.push_back(doc_of(severity_section()));
  for (SectionDoc& doc : threshold_section_docs()) sections.push_back(std::move(doc));
  sections.push_back(doc_of(incidents_section()));
  sections.push_back(doc_of(exposition_section()));
  sections.push_back(doc_of(limits_section()));
  sections.push_back(doc_of(storage_section()));
  sections.push_back(doc_of(training_section()));
  for (SectionDoc& doc : alerting_section_docs()) sections.push_back(std::move(doc));
  for (const SectionDoc& section : sections) print(section, out);
  out += kPresetsText;
  for (const std::string& preset : preset_names()) {
    for (const std::string& variant : preset_variants(preset)) print_variant(preset, variant, out);
  }
  return out;
}

}  // namespace anomaly_exporter::config
