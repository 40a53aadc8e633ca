#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::alerting {

/// Parses a JSON text from elsewhere. Errors: Corrupt for what is no JSON or nested deeper than 32.
/// Cost: about 40 bytes per value of the text; bound the text.
core::Result<nlohmann::json> read_json(std::string_view text);

/// The string under `key`, or "" when there is none.
std::string text_of(const nlohmann::json& object, const char* key);
/// The boolean under `key`, or `fallback`.
bool truth_of(const nlohmann::json& object, const char* key, bool fallback);

}  // namespace anomaly_exporter::alerting
