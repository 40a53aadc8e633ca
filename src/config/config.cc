#include "anomaly_exporter/config/config.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sections.h"

namespace anomaly_exporter::config {
namespace {

core::Error invalid(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

const char* word_of(sources::MetricRequest::Kind kind) {
  switch (kind) {
    case sources::MetricRequest::Kind::Query:
      return "query";
    case sources::MetricRequest::Kind::Selector:
      return "selector";
    case sources::MetricRequest::Kind::Column:
      return "column";
  }
  return "";
}

}  // namespace

std::string MonitorConfig::series_key() const {
  std::ostringstream key;
  key << "name=" << name << "\nsource=" << source << "\ninterval=" << interval.count()
      << "\nwindow=" << window << "\ngroup_by=" << (group_by ? joined(*group_by) : "*");
  if (timezone.name() != "UTC") key << "\ntimezone=" << timezone.name();
  for (const MetricConfig& metric : metrics) {
    const auto& request = metric.request;
    key << "\nmetric=" << request.metric << " " << word_of(request.kind) << " "
        << static_cast<int>(request.as) << " " << request.rate_window.count() << " "
        << request.text.size() << ":" << request.text;
  }
  return key.str();
}

std::string MonitorConfig::state_key() const {
  std::ostringstream key;
  key << series_key() << "\nvoters=";
  for (const ensemble::Weight& weight : ensemble.weights) key << weight.detector << ",";
  key << "\ndetectors=" << show_section(detectors_section(), detectors);
  return key.str();
}

core::Result<Config> parse_config(std::string_view text, const std::string& name,
                                  const std::string& base_directory) {
  YamlNode root;
  YamlFault fault;
  if (!read_yaml(text, root, fault)) {
    return invalid(name + ":" + std::to_string(fault.line) + ": " + fault.message);
  }
  DecodeContext context{{}, base_directory};
  FileDraft draft;
  const Cursor top(root, "", context);
  decode_section(top, file_section(), draft);
  for (const auto& [key, is_empty] : {std::pair{"sources", draft.config.sources.empty()},
                                      std::pair{"monitors", draft.config.monitors.empty()}}) {
    if (is_empty && context.faults.count() == 0) {
      top.fail_at(key, "is empty; write at least one entry");
    }
  }
  if (context.faults.count() > 0) return invalid(context.faults.text(name));
  draft.config.text = write_yaml(root);
  return std::move(draft.config);
}

core::Result<Config> load_config(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::error_code error;
  if (!in || std::filesystem::is_directory(path, error)) {
    return core::Error{core::ErrorCode::NotFound, path + ": cannot be read"};
  }
  // One byte more than a document may have is enough to see that it is too large.
  std::string text(kMaxDocumentBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return parse_config(text, path, directory.empty() ? "." : directory);
}

}  // namespace anomaly_exporter::config
