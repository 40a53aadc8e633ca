#include "anomaly_exporter/storage/model_store.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "anomaly_exporter/storage/state_file.h"
#include "model_file.h"

namespace anomaly_exporter::storage {

namespace fs = std::filesystem;

namespace {

using core::Error;
using core::ErrorCode;

constexpr std::string_view kSuffix = ".model";
constexpr std::size_t kDigits = 6;
constexpr unsigned kMaxVersion = 999'999;

bool is_folder_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

core::Status check_names(const std::string& monitor, const std::string& detector) {
  for (const std::string& name : {monitor, detector}) {
    if (!is_folder_name(name)) {
      return Error{ErrorCode::InvalidArgument,
                   "\"" + name + "\" cannot name a folder; letters, digits, _ and - can"};
    }
  }
  return {};
}

std::string digits(unsigned version) {
  std::string text = std::to_string(version);
  return std::string(kDigits - std::min(kDigits, text.size()), '0') + text;
}

/// The version that six digits name; 0 for anything else.
unsigned parse_version(std::string_view text) {
  unsigned version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && text.size() == kDigits ? version : 0;
}

/// One sentence for all the versions, newest first.
std::string other_options(const std::vector<unsigned>& versions) {
  if (versions.size() == 1) {
    return "version " + std::to_string(versions.front()) + " was made with other options";
  }
  return std::to_string(versions.size()) + " versions, " + std::to_string(versions.front()) +
         " the first of them, were made with other options";
}

/// When a folder was last noted as in use; nothing when that is not known.
std::optional<core::Timestamp> last_use(const std::string& folder) {
  const auto text = read_state_file(folder + "/used");
  if (!text.ok()) return std::nullopt;
  core::Timestamp used;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), used.ms);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return used;
}

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::error_code ignored;
    if (it->is_directory(ignored) && is_folder_name(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string_view to_string(ModelOrigin origin) {
  static constexpr std::array<std::string_view, 3> kNames{"schedule", "drift", "tool"};
  return kNames[static_cast<std::size_t>(origin)];
}

std::string ModelStore::folder_of(const std::string& monitor, const std::string& detector) const {
  return directory_ + "/models/" + monitor + "/" + detector;
}

std::string ModelStore::path_of(const std::string& monitor, const std::string& detector,
                                unsigned version) const {
  return folder_of(monitor, detector) + "/" + digits(version) + std::string(kSuffix);
}

/// Ascending.
std::vector<unsigned> ModelStore::versions(const std::string& monitor,
                                           const std::string& detector) const {
  std::vector<unsigned> found;
  if (!check_names(monitor, detector).ok()) return found;
  std::error_code error;
  for (fs::directory_iterator it(folder_of(monitor, detector), error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    const unsigned version = parse_version(name.substr(0, name.size() - kSuffix.size()));
    if (version != 0) found.push_back(version);
  }
  std::sort(found.begin(), found.end());
  return found;
}

core::Result<unsigned> ModelStore::save(const std::string& monitor, const std::string& detector,
                                        const StoredModel& model) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names.error();
  const std::string folder = folder_of(monitor, detector);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error{ErrorCode::Unavailable, folder + ": " + error.message()};

  // Above damaged ones too: a version is given once.
  unsigned newest = current(monitor, detector).ok() ? *current(monitor, detector) : 0;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    newest = std::max(newest, parse_version(std::string_view(name).substr(0, kDigits)));
  }
  if (newest >= kMaxVersion) {
    return Error{ErrorCode::Exhausted, folder + ": no version number is left"};
  }
  StoredModel numbered = model;
  numbered.metadata.version = newest + 1;
  const std::string path = path_of(monitor, detector, numbered.metadata.version);
  if (auto written = write_state_file(path, encode_model(numbered)); !written.ok()) {
    return written.error();
  }
  if (auto set = set_current(monitor, detector, numbered.metadata.version); !set.ok()) {
    return set.error();
  }
  prune(monitor, detector);
  return numbered.metadata.version;
}

core::Result<unsigned> ModelStore::current(const std::string& monitor,
                                           const std::string& detector) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names.error();
  const std::string path = folder_of(monitor, detector) + "/current";
  const auto text = read_state_file(path);
  if (!text.ok()) return text.error();
  const unsigned version = parse_version(*text);
  if (version == 0) return Error{ErrorCode::Corrupt, path + ": names no version"};
  return version;
}

core::Status ModelStore::set_current(const std::string& monitor, const std::string& detector,
                                     unsigned version) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names;
  if (auto known = metadata(monitor, detector, version); !known.ok()) {
    return Error{ErrorCode::NotFound, known.error().message};
  }
  return write_state_file(folder_of(monitor, detector) + "/current", digits(version));
}

core::Result<ModelMetadata> ModelStore::metadata(const std::string& monitor,
                                                 const std::string& detector,
                                                 unsigned version) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names.error();
  return read_model_metadata(path_of(monitor, detector, version));
}

core::Result<StoredModel> ModelStore::load(const std::string& monitor, const std::string& detector,
                                           unsigned version) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names.error();
  const std::string path = path_of(monitor, detector, version);
  const auto payload = read_state_file(path);
  if (!payload.ok()) return payload.error();
  auto model = decode_model(*payload);
  if (!model.ok()) return model.error().within(path);
  return model;
}

std::vector<ModelMetadata> ModelStore::list(const std::string& monitor,
                                            const std::string& detector) const {
  std::vector<ModelMetadata> all;
  for (const unsigned version : versions(monitor, detector)) {
    if (auto m = metadata(monitor, detector, version); m.ok()) all.push_back(std::move(*m));
  }
  return all;
}

std::vector<std::string> ModelStore::monitors() const { return folders_in(directory_ + "/models"); }

std::vector<std::string> ModelStore::detectors(const std::string& monitor) const {
  if (!is_folder_name(monitor)) return {};
  return folders_in(directory_ + "/models/" + monitor);
}

ModelStore::Recovery ModelStore::recover(const std::string& monitor, const std::string& detector,
                                         const std::string& parameters,
                                         const Accept& accept) const {
  Recovery recovery;
  const auto named = current(monitor, detector);
  std::vector<unsigned> order = versions(monitor, detector);
  if (!named.ok() && named.error().code != ErrorCode::NotFound) {
    recovery.problems.push_back(named.error().message);
  }
  // Newest first; what is newer than the current one was not in use and comes last.
  const unsigned limit = named.ok() ? *named : kMaxVersion;
  std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    const bool is_a_late = a > limit;
    const bool is_b_late = b > limit;
    return is_a_late != is_b_late ? is_b_late : a > b;
  });
  if (named.ok() && std::find(order.begin(), order.end(), *named) == order.end()) {
    recovery.problems.push_back(path_of(monitor, detector, *named) +
                                ": the current model is missing");
  }

  bool is_damage = !recovery.problems.empty();
  std::vector<unsigned> others;
  for (const unsigned version : order) {
    const std::string path = path_of(monitor, detector, version);
    auto model = load(monitor, detector, version);
    core::Status status;
    if (!model.ok()) {
      status = model.error();
    } else if (model->metadata.parameters != parameters) {
      others.push_back(version);
      continue;
    } else {
      status = accept(*model);
      if (!status.ok()) status = status.error().within(path);
    }
    if (status.ok()) {
      recovery.model = std::move(model->metadata);
      recovery.is_fallback = named.ok() && *named != version;
      if (!named.ok() || (recovery.is_fallback && is_damage)) {
        (void)set_current(monitor, detector, version);
      }
      break;
    }
    recovery.problems.push_back(status.error().message);
    if (status.error().code == ErrorCode::InvalidArgument) continue;
    is_damage = true;
    if (status.error().code == ErrorCode::Corrupt) (void)set_aside(path);
  }
  if (!others.empty()) recovery.problems.push_back(other_options(others));
  return recovery;
}

core::Status ModelStore::note_use(const std::string& monitor, const std::string& detector,
                                  core::Timestamp now) const {
  if (auto names = check_names(monitor, detector); !names.ok()) return names;
  const std::string folder = folder_of(monitor, detector);
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return {};
  return write_state_file(folder + "/used", std::to_string(now.ms));
}

std::vector<std::string> ModelStore::expire(core::Timestamp now,
                                            core::Duration expire_after) const {
  std::vector<std::string> removed;
  for (const std::string& monitor : monitors()) {
    for (const std::string& detector : detectors(monitor)) {
      const auto used = last_use(folder_of(monitor, detector));
      if (!used || *used > now) {
        (void)note_use(monitor, detector, now);
        continue;
      }
      if (now - *used <= expire_after) continue;
      std::error_code error;
      fs::remove_all(folder_of(monitor, detector), error);
      if (!error) removed.push_back(monitor + "/" + detector);
    }
    std::error_code not_empty;
    fs::remove(directory_ + "/models/" + monitor, not_empty);
  }
  return removed;
}

/// Removes the oldest beyond `keep`, and what a write that was cut short left aside. Failures are
/// left to the next time.
void ModelStore::prune(const std::string& monitor, const std::string& detector) const {
  const auto in_use = current(monitor, detector);
  unsigned parent = 0;
  if (in_use.ok()) {
    if (const auto m = metadata(monitor, detector, *in_use); m.ok()) parent = m->parent;
  }
  std::error_code ignored;
  const std::vector<unsigned> all = versions(monitor, detector);
  for (std::size_t i = 0; i + keep_ < all.size(); ++i) {
    if ((in_use.ok() && all[i] == *in_use) || all[i] == parent) continue;
    fs::remove(path_of(monitor, detector, all[i]), ignored);
  }
  std::vector<fs::path> leftovers;
  std::error_code error;
  for (fs::directory_iterator it(folder_of(monitor, detector), error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".new") leftovers.push_back(it->path());
  }
  for (const auto& path : leftovers) fs::remove(path, ignored);
}

}  // namespace anomaly_exporter::storage
