#pragma once

#include <iosfwd>
#include <string>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

/// Which models a command is about; empty and 0 = any.
struct ModelSelection {
  std::string storage_path;  ///< of the exporter
  std::string monitor;
  std::string detector;
  unsigned version = 0;
  bool json = false;
};

/// One line per version: monitor, detector, version, `*` where it is in use, when it was fitted and
/// why, samples, entities, verdict. Errors: NotFound when nothing matches.
core::Status list_models(const ModelSelection& selection, std::ostream& out);

/// Everything known of one model: the given version, else the one in use, of each that matches.
/// Errors: NotFound, and those of its file.
core::Status show_models(const ModelSelection& selection, std::ostream& out);

/// Makes another version the one in use: the given one, else the parent of the one in use. A
/// running exporter takes it up at a reload, else within a minute.
/// Errors: InvalidArgument when several detectors match or there is no parent; NotFound.
core::Status roll_back_model(const ModelSelection& selection, std::ostream& out);

}  // namespace anomaly_exporter::tools
