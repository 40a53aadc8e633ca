#include "json_read.h"

namespace anomaly_exporter::alerting {
namespace {
constexpr int kMostDepth = 32;
}  // namespace

core::Result<nlohmann::json> read_json(std::string_view text) {
  bool is_too_deep = false;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t /*event*/, nlohmann::json&) {
    is_too_deep = is_too_deep || depth > kMostDepth;
    return !is_too_deep;  // what is refused is not kept
  };
  auto parsed = nlohmann::json::parse(text.begin(), text.end(), watch, false);
  if (is_too_deep) return core::Error{core::ErrorCode::Corrupt, "JSON nested deeper than 32"};
  if (parsed.is_discarded()) return core::Error{core::ErrorCode::Corrupt, "not valid JSON"};
  return parsed;
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool truth_of(const nlohmann::json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

}  // namespace anomaly_exporter::alerting
