#include "anomaly_exporter/sources/selector_parser.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "anomaly_exporter/core/labels.h"
#include "append_utf8.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using core::Status;

constexpr std::string_view kMetricName = "__name__";
constexpr std::array<std::string_view, 4> kOperators = {"=", "!=", "=~", "!~"};

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Value of a digit in a base up to 16, or the base where it is none.
unsigned digit_value(char c, unsigned base) {
  unsigned value = base;
  if (is_digit(c)) value = static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A') + 10;
  return std::min(value, base);
}

/// Whether the condition holds for a series without the label, that is, for the empty value.
/// Errors: a bad expression.
Result<bool> holds_for_empty(const Matcher& matcher) {
  switch (matcher.type) {
    case Matcher::Type::Equal:
      return matcher.value.empty();
    case Matcher::Type::NotEqual:
      return !matcher.value.empty();
    default:
      break;
  }
  const RE2 expression(matcher.value, RE2::Quiet);
  if (!expression.ok()) {
    return Error{ErrorCode::InvalidArgument, "bad expression: " + expression.error()};
  }
  return RE2::FullMatch("", expression) == (matcher.type == Matcher::Type::Matches);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Matchers> parse() {
    skip_blanks();
    if (at_ < text_.size() && (is_name_start(text_[at_]) || text_[at_] == ':')) {
      matchers_.push_back({Matcher::Type::Equal, std::string(kMetricName), name(":")});
      skip_blanks();
    }
    const bool has_name = !matchers_.empty();
    if (take('{')) {
      if (Status status = conditions(has_name); !status.ok()) return status.error();
    } else if (!has_name) {
      return problem("expected a metric name or '{'");
    }
    if (Status status = nothing_follows(); !status.ok()) return status.error();
    if (!selective_) return problem("at least one condition must not hold for an empty value");
    return std::move(matchers_);
  }

 private:
  Error problem(std::string_view what) const { return problem(what, at_); }
  static Error problem(std::string_view what, std::size_t offset) {
    return {ErrorCode::InvalidArgument,
            "selector: offset " + std::to_string(offset) + ": " + std::string(what)};
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string name(std::string_view also) {
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_name_start(text_[at_]) || is_digit(text_[at_]) ||
                                  also.find(text_[at_]) != also.npos)) {
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

  /// The conditions behind '{', up to and with '}'.
  Status conditions(bool has_name) {
    selective_ = has_name;
    for (skip_blanks(); !take('}'); skip_blanks()) {
      const std::size_t start = at_;
      Matcher matcher;
      if (at_ == text_.size()) return problem("missing '}'");
      if (!is_name_start(text_[at_])) return problem("expected a label name or '}'");
      matcher.name = name("");
      if (has_name && matcher.name == kMetricName) {
        return problem("metric name is given twice", start);
      }
      skip_blanks();
      if (Status status = comparison(matcher.type); !status.ok()) return status;
      skip_blanks();
      const std::size_t value_start = at_;
      if (Status status = string(matcher.value); !status.ok()) return status;
      if (!core::is_valid_utf8(matcher.value)) return problem("value is not UTF-8", value_start);
      const Result<bool> empty = holds_for_empty(matcher);
      if (!empty.ok()) return problem(empty.error().message, value_start);
      selective_ = selective_ || !*empty;
      matchers_.push_back(std::move(matcher));
      skip_blanks();
      if (!take(',') && at_ < text_.size() && text_[at_] != '}') {
        return problem("expected ',' or '}'");
      }
    }
    return {};
  }

  Status comparison(Matcher::Type& type) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < kOperators.size(); ++i) {
      if (text_.substr(at_, kOperators[i].size()) == kOperators[i]) found = i;  // longest is last
    }
    if (!found) return problem("expected one of = != =~ !~");
    at_ += kOperators[*found].size();
    type = static_cast<Matcher::Type>(*found);
    return {};
  }

  Status string(std::string& value) {
    const std::size_t start = at_;
    if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\'' && text_[at_] != '`')) {
      return problem("expected a quoted value");
    }
    const char quote = text_[at_++];
    while (!take(quote)) {
      if (at_ == text_.size() || (text_[at_] == '\n' && quote != '`')) {
        return problem("value is not closed", start);
      }
      if (text_[at_] == '\\' && quote != '`') {
        if (Status status = escape(quote, value); !status.ok()) return status;
      } else {
        value.push_back(text_[at_++]);
      }
    }
    return {};
  }

  /// An escape sequence of Go: \a \b \f \n \r \t \v \\ \<quote> \ooo \xhh \uhhhh \Uhhhhhhhh.
  Status escape(char quote, std::string& value) {
    static constexpr std::string_view kLetters = "abfnrtv\\";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
    const std::size_t start = at_++;
    if (at_ == text_.size()) return problem("unfinished escape sequence", start);
    const char c = text_[at_];
    if (const std::size_t i = kLetters.find(c); i != kLetters.npos) {
      value.push_back(kMeanings[i]);
      ++at_;
      return {};
    }
    if (take(quote)) {
      value.push_back(quote);
      return {};
    }
    unsigned base = 16;
    unsigned digits = 0;
    if (c >= '0' && c <= '7') base = 8, digits = 3;
    if (c == 'x') digits = 2;
    if (c == 'u') digits = 4;
    if (c == 'U') digits = 8;
    if (digits == 0) return problem("unknown escape sequence", start);
    if (base == 16) ++at_;
    std::uint32_t code = 0;
    for (unsigned i = 0; i < digits; ++i, ++at_) {
      const unsigned digit = at_ < text_.size() ? digit_value(text_[at_], base) : base;
      if (digit == base) return problem("bad escape sequence", start);
      code = code * base + digit;
    }
    if (digits <= 3) {
      if (code > 0xff) return problem("bad escape sequence", start);
      value.push_back(static_cast<char>(code));
    } else if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      return problem("escape sequence is no Unicode character", start);
    } else {
      append_utf8(value, code);
    }
    return {};
  }

  Status nothing_follows() {
    skip_blanks();
    if (at_ == text_.size()) return {};
    if (text_[at_] == '[') {
      return problem("a selector has no range; the width comes from rate_window");
    }
    if (text_[at_] == '@' || text_.substr(at_, 6) == "offset") {
      return problem("offset and @ are not possible in a selector; use a query");
    }
    return problem("unexpected text behind the selector");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool selective_ = true;
  Matchers matchers_;
};

}  // namespace

Result<Matchers> parse_selector(std::string_view text) { return Parser(text).parse(); }

std::string selector_text(const Matchers& matchers) {
  std::string out = "{";
  for (const Matcher& matcher : matchers) {
    if (out.size() > 1) out += ',';
    out += matcher.name;
    out += kOperators[static_cast<std::size_t>(matcher.type)];
    out += '"';
    core::append_escaped_label_value(out, matcher.value);
    out += '"';
  }
  return out + "}";
}

}  // namespace anomaly_exporter::sources
