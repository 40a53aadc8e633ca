#include "anomaly_exporter/tools/models.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>
#include <vector>

#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::tools {

namespace {

using core::Error;
using core::ErrorCode;
using storage::ModelMetadata;
using storage::ModelStore;

struct Place {
  std::string monitor, detector;
};

std::vector<Place> places(const ModelStore& store, const ModelSelection& selection) {
  std::vector<Place> found;
  for (const auto& monitor : store.monitors()) {
    if (!selection.monitor.empty() && selection.monitor != monitor) continue;
    for (const auto& detector : store.detectors(monitor)) {
      if (!selection.detector.empty() && selection.detector != detector) continue;
      found.push_back({monitor, detector});
    }
  }
  return found;
}

Error nothing(const ModelSelection& selection) {
  std::string what = "no model";
  if (!selection.monitor.empty()) what += " of monitor " + selection.monitor;
  if (!selection.detector.empty()) what += " of detector " + selection.detector;
  if (selection.version != 0) what += " with version " + std::to_string(selection.version);
  return {ErrorCode::NotFound, what + " in " + selection.storage_path + "/models"};
}

void write_json(const Place& place, const ModelMetadata& m, bool is_current,
                api::JsonWriter& json) {
  json.begin_object()
      .member("monitor", place.monitor)
      .member("detector", place.detector)
      .member("version", std::uint64_t{m.version})
      .member("current", is_current)
      .member("created", m.created)
      .member("first", m.first)
      .member("last", m.last)
      .member("samples", m.samples)
      .member("entities", m.entities)
      .member("origin", storage::to_string(m.origin))
      .member("parent", std::uint64_t{m.parent})
      .member("verdict", m.verdict)
      .member("in_sample", m.in_sample)
      .member("parameters", m.parameters)
      .key("figures")
      .begin_object();
  for (const auto& [name, value] : m.figures) json.member(name, value);
  json.end_object().end_object();
}

void print_table(const std::vector<std::vector<std::string>>& lines, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      text += line[c];
      if (c + 1 < line.size()) text += std::string(widths[c] - line[c].size() + 2, ' ');
    }
    out << text << '\n';
  }
}

void print_metadata(const Place& place, const ModelMetadata& m, bool is_current,
                    const std::string& path, std::ostream& out) {
  std::vector<std::vector<std::string>> lines{
      {"monitor", place.monitor},
      {"detector", place.detector},
      {"version", std::to_string(m.version) + (is_current ? " (in use)" : "")},
      {"file", path},
      {"fitted", core::format_rfc3339(m.created)},
      {"reason", std::string(storage::to_string(m.origin))},
      {"data", core::format_rfc3339(m.first) + " to " + core::format_rfc3339(m.last)},
      {"samples", std::to_string(m.samples)},
      {"entities", std::to_string(m.entities)},
      {"parent", m.parent == 0 ? "none" : std::to_string(m.parent)},
      {"verdict", m.verdict},
      {"in_sample", m.in_sample ? "true (the figures are of data that it has seen)" : "false"},
      {"parameters", m.parameters}};
  for (const auto& [name, value] : m.figures) lines.push_back({name, core::number_text(value)});
  print_table(lines, out);
}

}  // namespace

core::Status list_models(const ModelSelection& selection, std::ostream& out) {
  const ModelStore store(selection.storage_path);
  std::vector<std::vector<std::string>> lines{
      {"monitor", "detector", "version", "", "fitted", "reason", "samples", "entities", "verdict"}};
  api::JsonWriter json;
  json.begin_array();
  for (const auto& place : places(store, selection)) {
    const auto current = store.current(place.monitor, place.detector);
    for (const auto& m : store.list(place.monitor, place.detector)) {
      if (selection.version != 0 && selection.version != m.version) continue;
      const bool is_current = current.ok() && *current == m.version;
      write_json(place, m, is_current, json);
      lines.push_back({place.monitor, place.detector, std::to_string(m.version),
                       is_current ? "*" : "", core::format_rfc3339(m.created),
                       std::string(storage::to_string(m.origin)), std::to_string(m.samples),
                       std::to_string(m.entities), m.verdict});
    }
  }
  json.end_array();
  if (lines.size() == 1) return nothing(selection);
  if (selection.json) {
    out << json.take() << '\n';
  } else {
    print_table(lines, out);
  }
  return {};
}

core::Status show_models(const ModelSelection& selection, std::ostream& out) {
  const ModelStore store(selection.storage_path);
  api::JsonWriter json;
  json.begin_array();
  bool is_any = false;
  for (const auto& place : places(store, selection)) {
    const auto current = store.current(place.monitor, place.detector);
    if (!current.ok() && selection.version == 0) continue;
    const unsigned version = selection.version != 0 ? selection.version : *current;
    const auto m = store.metadata(place.monitor, place.detector, version);
    if (!m.ok()) {
      if (m.error().code == ErrorCode::NotFound) continue;
      return m.error();
    }
    const bool is_current = current.ok() && *current == version;
    if (selection.json) {
      write_json(place, *m, is_current, json);
    } else {
      if (is_any) out << '\n';
      print_metadata(place, *m, is_current, store.path_of(place.monitor, place.detector, version),
                     out);
    }
    is_any = true;
  }
  json.end_array();
  if (!is_any) return nothing(selection);
  if (selection.json) out << json.take() << '\n';
  return {};
}

core::Status roll_back_model(const ModelSelection& selection, std::ostream& out) {
  const ModelStore store(selection.storage_path);
  const auto found = places(store, selection);
  if (found.empty()) return nothing(selection);
  if (found.size() > 1) {
    return Error{ErrorCode::InvalidArgument,
                 "several detectors match; say which by --monitor and --detector"};
  }
  const Place& place = found.front();
  const auto current = store.current(place.monitor, place.detector);
  unsigned version = selection.version;
  if (version == 0) {
    if (!current.ok()) return current.error();
    const auto m = store.metadata(place.monitor, place.detector, *current);
    if (!m.ok()) return m.error();
    version = m->parent;
    if (version == 0) {
      return Error{ErrorCode::InvalidArgument,
                   "version " + std::to_string(*current) + " has no parent; give --version"};
    }
  }
  if (auto set = store.set_current(place.monitor, place.detector, version); !set.ok()) return set;
  out << place.monitor << ' ' << place.detector << ": version " << version << " is in use now";
  if (current.ok()) out << " instead of " << *current;
  out << "; a running exporter takes it up within a minute\n";
  return {};
}

}  // namespace anomaly_exporter::tools
