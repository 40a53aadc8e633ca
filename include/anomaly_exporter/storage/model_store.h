#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::storage {

/// Why a model was made.
enum class ModelOrigin : std::uint8_t { Schedule, Drift, Tool };

/// "schedule", "drift", "tool".
std::string_view to_string(ModelOrigin origin);

/// What is known of a model beside the model itself.
struct ModelMetadata {
  unsigned version = 0;         ///< 1, 2, ...; given by ModelStore::save
  core::Timestamp created;      ///< when the fit ended
  core::Timestamp first, last;  ///< range of the data
  std::uint64_t samples = 0;    ///< vectors it was fitted to
  std::uint64_t entities = 0;   ///< entities they came from
  /// Options and shape of the detector as one text; a model is used by its equals only.
  std::string parameters;
  std::vector<std::pair<std::string, double>> figures;  ///< finite
  ModelOrigin origin = ModelOrigin::Schedule;
  unsigned parent = 0;  ///< version in use before; 0 = none
  /// True when the figures come from data that the model was fitted to: it looks better than it is.
  bool in_sample = false;
  std::string verdict;  ///< of the comparison with the parent, one sentence
};

/// A model as it is kept: what is known of it, and the bytes from which it is rebuilt.
struct StoredModel {
  ModelMetadata metadata;
  std::string body;
};

/// Models as files: `<directory>/models/<monitor>/<detector>/<version, 6 digits>.model` and, beside
/// them, `current`, which names the version in use. Both stand in the envelope of state_file.h.
/// A model file is written once and never changed.
///
/// `used` tells when a configuration last named the folder (see expire).
///
/// Every write goes aside, is fsynced and renamed, first the model, then `current`. A crash at any
/// moment therefore leaves `current` naming a whole file: the old one or the new one.
///
/// Names of monitors and detectors become folders; they may hold letters, digits, `_` and `-` only.
/// Threads: no state beside the options; one writer per monitor and detector at a time.
/// Cost: a few file system calls; `list` reads the metadata, not the models.
class ModelStore {
 public:
  /// Keeps the newest `keep` (>= 1) versions, the one in use and its parent.
  explicit ModelStore(std::string directory, std::size_t keep = 5)
      : directory_(std::move(directory)), keep_(keep) {}

  /// Writes the model under the next version, makes it the current one, removes old versions.
  /// Returns the version. Errors: InvalidArgument (a name that is no folder's), Unavailable; what
  /// was current then still is.
  core::Result<unsigned> save(const std::string& monitor, const std::string& detector,
                              const StoredModel& model) const;

  /// The version that `current` names. Errors: NotFound, Corrupt, Unavailable.
  [[nodiscard]] core::Result<unsigned> current(const std::string& monitor,
                                               const std::string& detector) const;
  /// Names another version as the one in use. Errors: NotFound when that version does not exist or
  /// cannot be read; Unavailable.
  [[nodiscard]] core::Status set_current(const std::string& monitor, const std::string& detector,
                                         unsigned version) const;

  /// Versions with readable metadata, oldest first. A folder that does not exist holds none.
  [[nodiscard]] std::vector<ModelMetadata> list(const std::string& monitor,
                                                const std::string& detector) const;
  /// Errors: NotFound, Corrupt, Unsupported, Unavailable.
  [[nodiscard]] core::Result<ModelMetadata> metadata(const std::string& monitor,
                                                     const std::string& detector,
                                                     unsigned version) const;
  [[nodiscard]] core::Result<StoredModel> load(const std::string& monitor,
                                               const std::string& detector, unsigned version) const;

  /// Monitors with models, and the detectors of one of them; ascending.
  [[nodiscard]] std::vector<std::string> monitors() const;
  [[nodiscard]] std::vector<std::string> detectors(const std::string& monitor) const;

  /// What came of looking for a model to go on with.
  struct Recovery {
    std::optional<ModelMetadata> model;  ///< accepted; nothing = start untrained
    bool is_fallback = false;            ///< it is not the one that `current` named
    std::vector<std::string> problems;   ///< why others were passed over
  };
  /// Builds a model from its bytes. Corrupt sets the file aside; any error passes it over.
  using Accept = std::function<core::Status(const StoredModel&)>;

  /// Finds the model to go on with: the current one; where that is damaged, the newest good one
  /// before it, else the newest good one. Damaged files are renamed to `<name>.damaged`. Models
  /// made with other `parameters` are passed over and left alone; together they are one problem,
  /// the last. When a damaged one was replaced, `current` names the replacement afterwards.
  [[nodiscard]] Recovery recover(const std::string& monitor, const std::string& detector,
                                 const std::string& parameters, const Accept& accept) const;

  /// Notes that a configuration names this detector of this monitor; nothing where it has no
  /// folder. Errors: InvalidArgument (a name that is no folder's), Unavailable.
  [[nodiscard]] core::Status note_use(const std::string& monitor, const std::string& detector,
                                      core::Timestamp now) const;
  /// Removes the folders, of any monitor, whose use was last noted longer than `expire_after` ago,
  /// and returns them as `<monitor>/<detector>`, ascending. A folder whose use was never noted (by
  /// an older program), or in the future, counts as used now. What cannot be removed stays until
  /// the next time.
  [[nodiscard]] std::vector<std::string> expire(core::Timestamp now,
                                                core::Duration expire_after) const;

  /// Path of a version's file, for messages.
  [[nodiscard]] std::string path_of(const std::string& monitor, const std::string& detector,
                                    unsigned version) const;

 private:
  [[nodiscard]] std::string folder_of(const std::string& monitor,
                                      const std::string& detector) const;
  [[nodiscard]] std::vector<unsigned> versions(const std::string& monitor,
                                               const std::string& detector) const;
  void prune(const std::string& monitor, const std::string& detector) const;

  std::string directory_;
  std::size_t keep_;
};

}  // namespace anomaly_exporter::storage
