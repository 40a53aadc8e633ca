#pragma once

#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::sources {

/// Strict single-pass reader of a JSON text (RFC 8259): the caller says what must come next.
///
/// Every step returns false once something is wrong; the first mistake and its byte offset stay in
/// `error`. Strings may hold any bytes from 0x20 on, so that invalid UTF-8 reaches the check of the
/// label set it stands in. Nesting deeper than kMaxDepth is an error.
/// Ownership: borrows the text. Threads: one at a time. Cost: one pass, no allocation except for
/// keys with escapes.
class JsonScanner {
 public:
  static constexpr int kMaxDepth = 64;

  explicit JsonScanner(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  /// Where the next byte is read; may be moved within the text by a reader that knows the bytes.
  [[nodiscard]] const char* position() const { return at_; }
  [[nodiscard]] const char* end() const { return end_; }
  void seek(const char* position) { at_ = position; }

  /// Requires `c` after white space.
  bool expect(char c) {
    if (at_ != end_ && *at_ == c) return ++at_, true;
    return expect_after_space(c);
  }
  /// Takes `c` after white space if it is there.
  bool take(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    return ++at_, true;
  }
  [[nodiscard]] bool is_next(char c) {
    skip_space();
    return at_ != end_ && *at_ == c;
  }

  /// Reads an object. `on_member(key)` must read the value; `key` is valid until it does.
  template <class OnMember>
  bool members(OnMember&& on_member) {
    if (!enter() || !expect('{')) return false;
    if (!take('}')) {
      do {
        std::string_view key;
        if (!read_key(key) || !expect(':') || !on_member(key)) return false;
      } while (take(','));
      if (!expect('}')) return false;
    }
    return leave();
  }

  /// Reads an array. `on_element()` must read the element.
  template <class OnElement>
  bool elements(OnElement&& on_element) {
    if (!enter() || !expect('[')) return false;
    if (!take(']')) {
      do {
        if (!on_element()) return false;
      } while (take(','));
      if (!expect(']')) return false;
    }
    return leave();
  }

  /// Reads a string and undoes its escapes. A lone surrogate becomes bytes that are not UTF-8.
  bool read_string(std::string& out);
  /// Reads a string; `raw` is what stands between the quotes, escapes as written.
  bool read_raw_string(std::string_view& raw);
  /// Reads a number; `raw` is its text.
  bool read_raw_number(std::string_view& raw);
  /// Reads any value. `raw` is its text.
  bool read_raw_value(std::string_view& raw);
  /// Reads any value and forgets it.
  bool skip_value();
  /// Requires that only white space is left.
  bool finish();

  /// Records the mistake at the present position, unless there is one already. Returns false.
  bool fail(std::string_view what) { return fail_at(at_, what); }
  bool fail_at(const char* where, std::string_view what);
  /// Corrupt: `byte <offset>: <what>`.
  [[nodiscard]] core::Error error() const;

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool expect_after_space(char c);
  bool read_key(std::string_view& key);
  bool read_literal(std::string_view word);
  bool enter();
  bool leave() { return --depth_, true; }

  const char* begin_;
  const char* at_;
  const char* end_;
  int depth_ = 0;
  std::string key_;  // the last key with escapes
  std::string what_;
  std::size_t offset_ = 0;
};

/// Undoes the escapes of a string that the scanner has checked.
void append_unescaped(std::string& out, std::string_view raw);

}  // namespace anomaly_exporter::sources
