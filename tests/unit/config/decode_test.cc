#define BOOST_TEST_DYN_LINK
#include "decode.h"

#include <boost/test/unit_test.hpp>
#include <limits>

namespace anomaly_exporter::config {
namespace {

/// One scalar (or other YAML) under decoding at path "k" of line 1.
struct Value {
  explicit Value(const std::string& yaml) : context{{}, "/etc/ae"} {
    YamlFault fault;
    BOOST_TEST_REQUIRE(read_yaml(yaml, node, fault), fault.message);
  }
  Cursor at() { return {node, "k", context}; }
  std::string complaint() { return context.faults.count() == 0 ? "" : context.faults.text("f"); }

  YamlNode node;
  DecodeContext context;
};

constexpr CountRange kUpTo100{1, 100};

BOOST_AUTO_TEST_SUITE(decode_test)

BOOST_AUTO_TEST_CASE(whole_numbers_are_strict) {
  Value good("100");
  BOOST_TEST(read_count(good.at(), kUpTo100).value() == 100U);
  for (const char* bad : {"1.5", "\"10\"", "0x10", "-1", "1e2", "+1", "10 ", "''", "ten", "[1]",
                          "{a: 1}", "~", "0", "101", "99999999999999999999999"}) {
    Value value(bad);
    BOOST_TEST(!read_count(value.at(), kUpTo100).has_value() == (std::string(bad) != "10 "), bad);
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_finite_and_within_their_range) {
  Value good("-2.5e-1");
  BOOST_TEST(read_number(good.at(), {-1, 1}).value() == -0.25);
  for (const char* bad : {".nan", "NaN", ".inf", "Inf", "1e999", "\"0.5\"", "0,5", "2", "-2"}) {
    Value value(bad);
    BOOST_TEST(!read_number(value.at(), {-1, 1}).has_value(), bad);
  }
}

BOOST_AUTO_TEST_CASE(booleans_are_true_and_false_alone) {
  Value good("true");
  BOOST_TEST(read_bool(good.at()).value());
  for (const char* bad : {"yes", "True", "on", "1", "\"true\""}) {
    Value value(bad);
    BOOST_TEST(!read_bool(value.at()).has_value(), bad);
    BOOST_TEST(value.complaint().find("write true or false") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(sizes_take_binary_units_and_do_not_overflow) {
  const CountRange range{1024, 64ULL << 30};
  Value good("256MiB");
  BOOST_TEST(read_bytes(good.at(), range).value() == 256ULL << 20);
  Value plain("2048");
  BOOST_TEST(read_bytes(plain.at(), range).value() == 2048U);
  for (const char* bad : {"1KB", "1 KiB", "MiB", "-1KiB", "1.5GiB", "512", "65GiB",
                          "18446744073709551615GiB", "17179869184GiB"}) {
    Value value(bad);
    BOOST_TEST(!read_bytes(value.at(), range).has_value(), bad);
  }
  BOOST_TEST(bytes_text(1536) == "1536");
  BOOST_TEST(bytes_text(64 << 10) == "64KiB");
  BOOST_TEST(bytes_text(0) == "0");
}

BOOST_AUTO_TEST_CASE(durations_are_those_of_prometheus) {
  const DurationRange range{std::chrono::seconds(1), std::chrono::hours(1)};
  Value good("1m30s");
  BOOST_TEST(read_duration(good.at(), range).value().count() == 90'000);
  Value bare("10");
  BOOST_TEST(!read_duration(bare.at(), range).has_value());
  BOOST_TEST(bare.complaint() ==
             "f:1: k: \"10\" is not a duration; write it with a unit, like 10s");
  Value over("2h");
  BOOST_TEST(!read_duration(over.at(), range).has_value());
  BOOST_TEST(over.complaint() == "f:1: k: 2h is out of range; write a duration from 1s to 1h");
}

BOOST_AUTO_TEST_CASE(file_names_start_at_the_configuration) {
  Value relative("tokens/a");
  BOOST_TEST(read_file_name(relative.at()).value() == "/etc/ae/tokens/a");
  Value absolute("/run/a");
  BOOST_TEST(read_file_name(absolute.at()).value() == "/run/a");
}

BOOST_AUTO_TEST_CASE(secrets_are_marked_and_never_quoted) {
  Value secret("hunter2");
  BOOST_TEST(read_secret(secret.at()).value() == "hunter2");
  BOOST_TEST(secret.node.is_secret);
  Value list("[hunter2]");
  BOOST_TEST(!read_secret(list.at()).has_value());
  BOOST_TEST(list.complaint().find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(texts_are_utf8_without_nul) {
  Value nul("\"a\\0b\"");
  BOOST_TEST(!read_text(nul.at()).has_value());
  BOOST_TEST(nul.complaint() == "f:1: k: is not valid UTF-8 text");
}

BOOST_AUTO_TEST_CASE(label_names_are_valid_and_unique) {
  Value good("[job, instance]");
  BOOST_TEST(read_label_names(good.at()).value().size() == 2U);
  Value twice("[job, job]");
  BOOST_TEST(!read_label_names(twice.at()).has_value());
  BOOST_TEST(twice.complaint() == "f:1: k[1]: \"job\" is listed twice; list every label once");
  Value name("[__name__]");
  BOOST_TEST(!read_label_names(name.at()).has_value());
  Value scalar("job");
  BOOST_TEST(!read_label_names(scalar.at()).has_value());
}

BOOST_AUTO_TEST_CASE(the_nearest_word_is_suggested_only_when_it_is_near) {
  const std::vector<std::string> known{"interval", "window", "offset"};
  BOOST_TEST(nearest("intervall", known).value() == "interval");
  BOOST_TEST(nearest("wnidow", known).value() == "window");
  BOOST_TEST(!nearest("alerting", known).has_value());
  BOOST_TEST(suggestion("zzz", known) == "; known: interval, window, offset");
}

BOOST_AUTO_TEST_CASE(quoted_text_is_cut_and_cleaned) {
  BOOST_TEST(in_quotes("a\nb\x7f") == "\"a?b?\"");
  BOOST_TEST(in_quotes(std::string(100, 'x')) == "\"" + std::string(60, 'x') + "...\"");
  const std::string cut = in_quotes(std::string(59, 'x') + "\xc3\xa4\xc3\xa4");
  BOOST_TEST(cut == "\"" + std::string(59, 'x') + "...\"");
}

BOOST_AUTO_TEST_CASE(ten_mistakes_are_shown_in_file_order) {
  Faults faults;
  for (int line = 12; line > 0; --line) faults.add(line, "p", "wrong");
  const std::string text = faults.text("f");
  BOOST_TEST(text.starts_with("f:1: p: wrong\nf:2: "));
  BOOST_TEST(text.ends_with("f:10: p: wrong\nf: and 2 more"));
}

BOOST_AUTO_TEST_CASE(messages_of_domains_are_placed_at_their_key) {
  Value value("{tls: {key: x,\n cert: y}}");
  value.at().fail_within("tls.cert: is wrong");
  value.at().fail_within("tls.ca: is wrong");
  value.at().fail_within("not a path: at all");
  BOOST_TEST(value.complaint() ==
             "f:1: k.tls.ca: is wrong\nf:1: k: not a path: at all\nf:2: k.tls.cert: is wrong");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
