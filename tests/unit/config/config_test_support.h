#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "anomaly_exporter/config/config.h"

namespace anomaly_exporter::config {

/// A file that is right, with a place for what a test is about.
inline std::string file_with(const std::string& monitor, const std::string& more = "") {
  std::string text = "sources:\n  - {name: prom, url: \"http://localhost:9090\"}\n";
  text += more;
  text += "monitors:\n";
  return text += monitor;
}

inline core::Result<Config> parsed(const std::string& text) {
  return parse_config(text, "t.yml", "/etc/ae");
}

/// The message of a file that must be refused, "" when it was not.
inline std::string complaint(const std::string& text) {
  const auto config = parsed(text);
  return config ? "" : config.error().message;
}

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Files of a directory whose names end in `suffix`, sorted.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory,
                                                   const std::string& suffix) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().ends_with(suffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace anomaly_exporter::config
