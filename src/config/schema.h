#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/time_zone.h"
#include "decode.h"

/// The tables that describe the configuration file.
///
/// A `Section<T>` lists the keys that may stand in one mapping and says for each how it is read
/// into a T, its default, its range and what it means. The decoder reads by these tables and
/// `reference_page` prints them, so that the page cannot describe a key that does not exist.
namespace anomaly_exporter::config {

/// What people read about one key.
struct FieldDoc {
  std::string name;
  std::string type;
  std::string fallback;  ///< the default; "" = none
  std::string range;     ///< "" = any value of the type
  std::string text;
  std::string section;  ///< title of the section that describes the value, "" for a plain value
  bool is_required = false;
};

/// A kind of value: its type name and range for people, how to read it, how to show a default.
template <class V>
struct Kind {
  std::string type;
  std::string range;
  std::function<std::optional<V>(const Cursor&)> read;
  std::function<std::string(const V&)> show;
};

Kind<std::string> text();
Kind<std::string> name();
Kind<std::string> file_name();
Kind<std::string> secret();
Kind<bool> boolean();
Kind<double> number(NumberRange range);
Kind<std::uint64_t> count(CountRange range);
Kind<std::uint64_t> bytes(CountRange range);
Kind<core::Duration> duration(DurationRange range);
Kind<core::TimeZone> time_zone();
Kind<std::vector<std::string>> label_names();

/// One of a closed list of words.
template <class E>
Kind<E> choice(std::vector<std::pair<std::string, E>> words) {
  std::vector<std::string> names;
  for (const auto& word : words) names.push_back(word.first);
  const auto read = [words, names](const Cursor& at) -> std::optional<E> {
    const auto written = read_text(at);
    if (!written) return std::nullopt;
    for (const auto& word : words) {
      if (word.first == *written) return word.second;
    }
    at.fail(in_quotes(*written) + " is not known; write one of " + joined(names));
    return std::nullopt;
  };
  const auto show = [words](const E& value) {
    for (const auto& word : words) {
      if (word.second == value) return word.first;
    }
    return std::string();
  };
  return {"word", "one of " + joined(names), read, show};
}

/// One key of a mapping that is read into a T.
template <class T>
struct Field {
  FieldDoc doc;
  std::function<void(const Cursor&, T&)> decode;
  std::function<std::string(T)> show;  ///< the value in a T as text; empty where there is no text

  Field required() && {
    doc.is_required = true;
    doc.fallback.clear();
    return std::move(*this);
  }
  /// Replaces the default shown: where it depends on another key.
  Field defaults_to(std::string shown) && {
    doc.fallback = std::move(shown);
    return std::move(*this);
  }
};

/// The keys of one mapping.
template <class T>
struct Section {
  std::string title;  ///< heading in the reference, e.g. "global" or "sources[].tls_config"
  std::string text;
  std::vector<Field<T>> fields;
  /// What several keys must fulfil together; called when each alone was right.
  std::function<void(const Cursor&, const T&)> check;
};

template <class T>
void decode_section(const Cursor& at, const Section<T>& section, T& out);
template <class T>
std::string show_section(const Section<T>& section, const T& value);

/// A key with a plain value. `member` is a pointer to a member or a callable T& -> V&.
template <class T, class Member, class V>
Field<T> field(std::string key, Member member, Kind<V> kind, std::string text) {
  const auto show = [member, shown = kind.show](T value) {
    return shown(static_cast<V>(std::invoke(member, value)));
  };
  FieldDoc doc{std::move(key), kind.type, show(T{}), kind.range, std::move(text), "", false};
  const auto decode = [member, read = kind.read](const Cursor& at, T& out) {
    if (auto value = read(at)) {
      auto& place = std::invoke(member, out);
      place = static_cast<std::remove_reference_t<decltype(place)>>(std::move(*value));
    }
  };
  return {std::move(doc), decode, show};
}

/// A key with a plain value that may be left out: `member` gives a std::optional<V>&.
template <class T, class Member, class V>
Field<T> optional_field(std::string key, Member member, Kind<V> kind, std::string text) {
  FieldDoc doc{std::move(key), kind.type, "", kind.range, std::move(text), "", false};
  const auto decode = [member, read = kind.read](const Cursor& at, T& out) {
    if (auto value = read(at)) std::invoke(member, out) = std::move(*value);
  };
  return {std::move(doc), decode, nullptr};
}

/// A key whose value is a mapping described by another section, which must outlive the field.
template <class T, class Member, class V>
Field<T> nested(std::string key, Member member, const Section<V>& section, std::string text) {
  FieldDoc doc{std::move(key), "mapping", "", "", std::move(text), section.title, false};
  const auto decode = [member, &section](const Cursor& at, T& out) {
    decode_section<V>(at, section, std::invoke(member, out));
  };
  const auto show = [member, &section](T value) {
    return show_section<V>(section, std::invoke(member, value));
  };
  return {std::move(doc), decode, show};
}

/// A key that needs a reader of its own.
template <class T>
Field<T> custom(FieldDoc doc, std::function<void(const Cursor&, T&)> decode) {
  return {std::move(doc), std::move(decode), nullptr};
}

/// Keys of a section in the order of its table.
template <class T>
std::vector<std::string> keys_of(const Section<T>& section) {
  std::vector<std::string> keys;
  for (const auto& f : section.fields) keys.push_back(f.doc.name);
  return keys;
}

/// Reads a mapping by its table: unknown and repeated keys, missing ones, then each value in the
/// order of the table (so that later fields can build on earlier ones), then the joint check.
template <class T>
void decode_section(const Cursor& at, const Section<T>& section, T& out) {
  const std::size_t before = at.faults();
  const std::vector<std::string> known = keys_of(section);
  at.for_each_entry([&](const std::string& key, const Cursor& value) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      value.fail("unknown key" + suggestion(key, known));
    }
  });
  if (at.node().kind != YamlNode::Kind::Map && at.node().kind != YamlNode::Kind::Null) return;
  for (const Field<T>& f : section.fields) {
    if (const auto value = at.find(f.doc.name)) {
      f.decode(*value, out);
    } else if (f.doc.is_required) {
      at.fail_at(f.doc.name, "missing key; write it, there is no default");
    }
  }
  if (section.check && at.faults() == before) section.check(at, out);
}

/// `key=value` of every field that can be shown, in the order of the table.
template <class T>
std::string show_section(const Section<T>& section, const T& value) {
  std::string out;
  for (const Field<T>& f : section.fields) {
    if (!f.show) continue;
    out += f.doc.name;
    out += "=";
    out += f.show(value);
    out += ";";
  }
  return out;
}

/// Check of a section whose options know their own rules.
template <class T>
void check_by_validate(const Cursor& at, const T& value) {
  if (const core::Status status = value.validate(); !status) at.fail_within(status.error().message);
}

/// One section as the reference prints it.
struct SectionDoc {
  std::string title;
  std::string text;
  std::vector<FieldDoc> fields;
};

template <class T>
SectionDoc doc_of(const Section<T>& section) {
  SectionDoc doc{section.title, section.text, {}};
  for (const auto& f : section.fields) doc.fields.push_back(f.doc);
  return doc;
}

}  // namespace anomaly_exporter::config
