#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/net/error_text.h"
#include "json_scanner.h"

namespace anomaly_exporter::sources {

/// Bound of the warnings kept of one answer.
inline constexpr std::size_t kMaxWarnings = 64;

/// Reads the envelope `{"status":...,"data":...}` of the Prometheus API. Members may come in any
/// order; unknown ones are skipped, known ones may come once.
class ApiEnvelope {
 public:
  explicit ApiEnvelope(std::string_view body) : scanner(body) {}

  JsonScanner scanner;
  std::vector<std::string> warnings;
  /// An error that is not a matter of the text: the server's own, or the sink's.
  std::optional<core::Error> refused;

  /// `read_data()` reads the value of `data` from `scanner`.
  template <class ReadData>
  core::Status read(ReadData&& read_data) {
    const bool read = read_members(read_data) && scanner.finish() && judge(read_data);
    if (refused) return *refused;
    if (!read) return scanner.error().within("query answer");
    return {};
  }

  bool refuse(core::Error error) {
    refused = std::move(error);
    return false;
  }

 private:
  template <class ReadData>
  bool read_members(ReadData& read_data) {
    return scanner.members([&](std::string_view key) {
      if (key == "status") return once(has_status_) && scanner.read_string(status_);
      if (key == "errorType") return scanner.read_string(error_type_);
      if (key == "error") return scanner.read_string(error_);
      if (key == "warnings") return read_warnings();
      if (key != "data") return scanner.skip_value();
      if (!once(has_data_)) return false;
      if (has_status_ && status_ == "success") return read_data();
      // Before the status is known nothing of the data may count: come back to it later.
      later_ = scanner.position();
      return scanner.skip_value();
    });
  }

  template <class ReadData>
  bool judge(ReadData& read_data) {
    if (!has_status_) return scanner.fail("no status");
    if (status_ == "error") {
      const std::string words = error_type_ + ": " + error_;
      return refuse({core::ErrorCode::InvalidArgument, "server error " + net::printable(words)});
    }
    if (status_ != "success") return scanner.fail("status is neither success nor error");
    if (!has_data_) return scanner.fail("no data");
    if (later_ == nullptr) return true;
    scanner.seek(later_);
    return read_data();
  }

  bool once(bool& seen) {
    if (seen) return scanner.fail("member given twice");
    return seen = true;
  }

  bool read_warnings() {
    if (scanner.is_next('n')) return scanner.skip_value();  // null: none
    return scanner.elements([&] {
      std::string text;
      if (!scanner.read_string(text)) return false;
      if (warnings.size() < kMaxWarnings) warnings.push_back(net::printable(text));
      return true;
    });
  }

  bool has_status_ = false;
  bool has_data_ = false;
  std::string status_;
  std::string error_type_;
  std::string error_;
  const char* later_ = nullptr;
};

}  // namespace anomaly_exporter::sources
