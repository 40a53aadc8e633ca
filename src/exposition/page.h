#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::exposition {

inline char* put(char* out, std::string_view text) {
  return std::copy(text.begin(), text.end(), out);
}

/// Collects a page in pieces that stay in the first-level cache, so that writing a line costs no
/// growth check per part and the page is not filled with zeros first.
///
/// Borrows the string that receives the page.
class Page {
 public:
  explicit Page(std::string& out) : out_(out), piece_(kPieceBytes) { out_.clear(); }

  /// Room for `bytes` at the end of the page; hand the end of what was written to `wrote`.
  char* room(std::size_t bytes) {
    if (piece_.size() - used_ < bytes) {
      flush();
      if (piece_.size() < bytes) piece_.resize(bytes);
    }
    return piece_.data() + used_;
  }
  void wrote(const char* end) { used_ = static_cast<std::size_t>(end - piece_.data()); }

  void add(std::string_view text) { wrote(put(room(text.size()), text)); }
  void add(char c) {
    char* at = room(1);
    *at = c;
    wrote(at + 1);
  }
  void add_number(double value) { wrote(core::write_number(room(core::kMaxNumberText), value)); }

  void flush() {
    out_.append(piece_.data(), used_);
    used_ = 0;
  }

 private:
  static constexpr std::size_t kPieceBytes = 32 * 1024;

  std::string& out_;
  std::vector<char> piece_;
  std::size_t used_ = 0;
};

}  // namespace anomaly_exporter::exposition
