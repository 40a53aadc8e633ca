#include "promql_scan.h"

#include <algorithm>
#include <cstddef>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::config {
namespace {

struct Token {
  enum class Kind { Word, String, Number, Placeholder, Sign, Bad, End };
  Kind kind = Kind::End;
  std::string_view text;  ///< of a string: what stands between the quotes
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool is_sign(const Token& token, std::string_view sign) {
  return token.kind == Token::Kind::Sign && token.text == sign;
}
/// One of the four operators of a label matcher.
bool is_matcher(const Token& token) {
  return is_sign(token, "=") || is_sign(token, "!=") || is_sign(token, "=~") ||
         is_sign(token, "!~");
}

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool is_word_part(char c) { return is_word_start(c) || (c >= '0' && c <= '9'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next() {
    skip_blank();
    const std::size_t begin = at_;
    if (at_ == text_.size()) return {Token::Kind::End, {}, begin, begin};
    const char c = text_[at_];
    if (c == '"' || c == '\'' || c == '`') return string(c);
    if (c == '$') {
      ++at_;
      return word(Token::Kind::Placeholder, begin);
    }
    if (is_word_start(c)) return word(Token::Kind::Word, begin);
    if (c >= '0' && c <= '9') return word(Token::Kind::Number, begin);
    ++at_;
    if (at_ < text_.size() && (c == '=' || c == '!') && (text_[at_] == '~' || text_[at_] == '=')) {
      ++at_;
    }
    return {Token::Kind::Sign, text_.substr(begin, at_ - begin), begin, at_};
  }

 private:
  void skip_blank() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  Token word(Token::Kind kind, std::size_t begin) {
    while (at_ < text_.size() && is_word_part(text_[at_])) ++at_;
    return {kind, text_.substr(begin, at_ - begin), begin, at_};
  }

  Token string(char quote) {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != quote) {
      at_ += quote != '`' && text_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= text_.size()) {
      at_ = text_.size();
      return {Token::Kind::Bad, text_.substr(begin), begin, at_};
    }
    ++at_;
    return {Token::Kind::String, text_.substr(begin + 1, at_ - begin - 2), begin, at_};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

char closing(char opening) { return opening == '(' ? ')' : opening == '[' ? ']' : '}'; }

bool opens_label_list(std::string_view word) {
  constexpr std::string_view kWords[] = {"by",       "without",    "on",
                                         "ignoring", "group_left", "group_right"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

/// Walks over the tokens, keeping the open brackets.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), lexer_(text) {}

  PromqlScan run() {
    for (Token token = lexer_.next(); token.kind != Token::Kind::End; token = lexer_.next()) {
      if (!take(token)) return out_;
      previous_ = token;
    }
    if (!open_.empty()) out_.fault = std::string("has an open \"") + open_.back().sign + "\"";
    return out_;
  }

 private:
  struct Open {
    char sign;
    bool is_label_list;
  };

  bool in_braces() const { return !open_.empty() && open_.back().sign == '{'; }
  bool in_labels() const { return !open_.empty() && open_.back().is_label_list; }

  bool take(const Token& token) {
    switch (token.kind) {
      case Token::Kind::Word:
        if (in_braces()) {
          label_ = token.text;
        } else if (!in_labels()) {
          out_.names.emplace_back(token.text);
          selector_begin_ = token.begin;
          selector_end_ = token.end;
        }
        return true;
      case Token::Kind::String:
        if (in_braces()) take_matcher_value(token);
        return true;
      case Token::Kind::Placeholder:
        if (token.text != "$rate_window") {
          out_.fault = "holds the unknown placeholder " + std::string(token.text);
          return false;
        }
        out_.uses_rate_window = true;
        return true;
      case Token::Kind::Bad:
        out_.fault = "has an open string";
        return false;
      case Token::Kind::Sign:
        return take_sign(token);
      case Token::Kind::Number:
      case Token::Kind::End:
        return true;
    }
    return true;
  }

  /// A string in braces is a quoted metric name when it opens a matcher, else a matcher's value.
  void take_matcher_value(const Token& token) {
    if (is_sign(previous_, "{") || is_sign(previous_, ",")) {
      out_.names.emplace_back(token.text);
      return;
    }
    if (label_ != "__name__") return;
    if (!is_sign(previous_, "=") && !is_sign(previous_, "=~")) return;
    std::size_t begin = 0;
    while (begin <= token.text.size()) {  // the alternatives of a regular expression, one by one
      const std::size_t end = std::min(token.text.find('|', begin), token.text.size());
      out_.names.emplace_back(token.text.substr(begin, end - begin));
      begin = end + 1;
    }
  }

  bool take_sign(const Token& token) {
    const char c = token.text.front();
    if (c == '(' || c == '[' || c == '{') {
      const bool follows_selector = selector_end_ > 0 && previous_.end == selector_end_;
      if (c == '{' && !follows_selector) selector_begin_ = token.begin;
      if (c == '[' && follows_selector) {
        out_.ranged_selectors.emplace_back(
            text_.substr(selector_begin_, selector_end_ - selector_begin_));
      }
      open_.push_back(
          {c, c == '(' && previous_.kind == Token::Kind::Word && opens_label_list(previous_.text)});
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_.empty() || closing(open_.back().sign) != c) {
        out_.fault = "has a \"" + std::string(1, c) + "\" that closes nothing";
        return false;
      }
      open_.pop_back();
      if (c == '}') selector_end_ = token.end;
    }
    return true;
  }

  std::string_view text_;
  Lexer lexer_;
  PromqlScan out_;
  std::vector<Open> open_;
  Token previous_;
  std::string_view label_;
  std::size_t selector_begin_ = 0;
  std::size_t selector_end_ = 0;
};

}  // namespace

PromqlScan scan_promql(std::string_view text) { return Scanner(text).run(); }

std::optional<std::string> matchers_of(std::string_view selector) {
  Lexer lexer(selector);
  const Token open = lexer.next();
  if (!is_sign(open, "{")) return std::nullopt;
  std::string out;
  Token token = lexer.next();
  while (token.kind == Token::Kind::Word && core::is_legacy_label_name(token.text) &&
         token.text != "__name__") {
    const std::size_t begin = token.begin;
    const Token op = lexer.next();
    if (!is_matcher(op)) return std::nullopt;
    const Token value = lexer.next();
    if (value.kind != Token::Kind::String) return std::nullopt;
    if (!out.empty()) out += ',';
    out += selector.substr(begin, value.end - begin);
    token = lexer.next();
    if (!is_sign(token, ",")) break;
    token = lexer.next();
  }
  if (!is_sign(token, "}") || lexer.next().kind != Token::Kind::End || out.empty())
    return std::nullopt;
  return out;
}

bool is_own_family(std::string_view metric) {
  return metric.starts_with("anomaly_exporter_") ||
         std::find(std::begin(exposition::kFamilies), std::end(exposition::kFamilies), metric) !=
             std::end(exposition::kFamilies);
}

}  // namespace anomaly_exporter::config
