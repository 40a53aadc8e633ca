#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace anomaly_exporter::core {

/// A value that must not reach a page, a log line or an error text: it prints as `<secret>`.
/// An empty secret prints as nothing.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  /// The value itself; call it only where the bytes go to their destination.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  [[nodiscard]] const char* shown() const { return value_.empty() ? "" : "<secret>"; }

  friend bool operator==(const Secret&, const Secret&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Secret& s) { return out << s.shown(); }

 private:
  std::string value_;
};

}  // namespace anomaly_exporter::core
