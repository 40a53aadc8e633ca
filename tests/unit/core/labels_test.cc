#include "anomaly_exporter/core/labels.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(labels_test)

Labels made(std::vector<Label> labels) {
  auto result = Labels::create(std::move(labels));
  BOOST_REQUIRE(result.ok());
  return *std::move(result);
}

BOOST_AUTO_TEST_CASE(sorts_by_name) {
  const Labels labels = made({{"job", "node"}, {"__name__", "up"}, {"instance", "a:9100"}});
  BOOST_TEST_REQUIRE(labels.size() == 3U);
  BOOST_TEST(labels.items()[0].name == "__name__");
  BOOST_TEST(labels.items()[1].name == "instance");
  BOOST_TEST(labels.items()[2].name == "job");
}

BOOST_AUTO_TEST_CASE(finds_values_by_name) {
  const Labels labels = made({{"b", "2"}, {"a", "1"}, {"d", "4"}});
  BOOST_TEST(labels.value("a").value_or("") == "1");
  BOOST_TEST(labels.value("d").value_or("") == "4");
  BOOST_TEST(!labels.value("c").has_value());
  BOOST_TEST(!labels.value("").has_value());
  BOOST_TEST(!labels.value("e").has_value());
  BOOST_TEST(!Labels().value("a").has_value());
}

BOOST_AUTO_TEST_CASE(an_empty_value_means_that_the_label_is_absent) {
  const Labels labels = made({{"a", ""}, {"b", "x"}});
  BOOST_TEST(labels.size() == 1U);
  BOOST_TEST(!labels.value("a").has_value());
  BOOST_TEST((labels == made({{"b", "x"}})));
  BOOST_TEST((made({{"a", ""}}) == Labels()));
}

struct Bad {
  std::string name;
  std::vector<Label> labels;
  std::string message;
};
std::ostream& operator<<(std::ostream& out, const Bad& c) { return out << c.name; }

const Bad kBad[] = {
    {"empty name", {{"", "v"}}, "label \"\": empty name"},
    {"empty name without a value", {{"", ""}}, "label \"\": empty name"},
    {"name twice", {{"a", "1"}, {"b", "2"}, {"a", "3"}}, "label \"a\": name stands twice"},
    {"same label twice", {{"a", "1"}, {"a", "1"}}, "label \"a\": name stands twice"},
    {"name twice, once empty", {{"a", ""}, {"a", "1"}}, "label \"a\": name stands twice"},
    {"value not UTF-8",
     {{"a", "\xFF"}},
     "label \"a\": value is not valid UTF-8 or holds a NUL byte"},
    {"value with NUL",
     {{"a", std::string("x\0y", 3)}},
     "label \"a\": value is not valid UTF-8 or holds a NUL byte"},
    {"name not UTF-8",
     {{"a\xC0\xAF", "v"}},
     "label \"a\\xc0\\xaf\": name is not valid UTF-8 or holds a NUL byte"},
    {"name with NUL",
     {{std::string("a\0", 2), "v"}},
     "label \"a\\x00\": name is not valid UTF-8 or holds a NUL byte"},
    {"name with quote and line feed",
     {{"a\"\n", "\xFF"}},
     "label \"a\\\"\\x0a\": value is not valid UTF-8 or holds a NUL byte"},
};

BOOST_DATA_TEST_CASE(refuses_broken_sets_and_names_the_label, boost::unit_test::data::make(kBad)) {
  const auto result = Labels::create(sample.labels);
  BOOST_TEST_REQUIRE(!result.ok());
  BOOST_TEST((result.error().code == ErrorCode::InvalidArgument));
  BOOST_TEST(result.error().message == sample.message);
}

BOOST_AUTO_TEST_CASE(messages_show_only_the_head_of_a_long_name) {
  const auto result = Labels::create({{std::string(1'000'000, '"'), "\xFF"}});
  BOOST_TEST_REQUIRE(!result.ok());
  BOOST_TEST(result.error().message.size() < 250U);
}

BOOST_AUTO_TEST_CASE(takes_hostile_but_legal_values_and_utf8_names) {
  const Labels labels =
      made({{"host.name", "a"}, {"straße", "b"}, {"c", "quote\" slash\\ feed\n tab\t brace}"}});
  BOOST_TEST(
      labels.text() ==
      "{c=\"quote\\\" slash\\\\ feed\\n tab\t brace}\",\"host.name\"=\"a\",\"straße\"=\"b\"}");
  BOOST_TEST(is_legacy_label_name(labels.items()[0].name));
  BOOST_TEST(!is_legacy_label_name(labels.items()[1].name));
}

BOOST_AUTO_TEST_CASE(prints_in_promql_form) {
  BOOST_TEST(Labels().text() == "{}");
  BOOST_TEST(made({{"job", "node"}, {"instance", "a:9100"}}).text() ==
             "{instance=\"a:9100\",job=\"node\"}");
}

BOOST_AUTO_TEST_CASE(keeps_and_drops_by_name) {
  const Labels labels = made({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  const std::vector<std::string> names = {"c", "a", "z", "a"};
  BOOST_TEST((labels.keep(names) == made({{"a", "1"}, {"c", "3"}})));
  BOOST_TEST((labels.drop(names) == made({{"b", "2"}})));
  BOOST_TEST((labels.keep({}) == Labels()));
  BOOST_TEST((labels.drop({}) == labels));
}

BOOST_AUTO_TEST_CASE(hash_is_the_same_on_every_machine) {
  BOOST_TEST(Labels().hash() == 0U);
  BOOST_TEST(made({{"instance", "a:9100"}, {"job", "node"}}).hash() == 0xC3E5C9D2F5C2B63EULL);
}

BOOST_AUTO_TEST_CASE(hash_ignores_the_order_of_creation) {
  BOOST_TEST(made({{"a", "1"}, {"b", "2"}}).hash() == made({{"b", "2"}, {"a", "1"}}).hash());
}

BOOST_AUTO_TEST_CASE(sets_that_share_their_text_differ_in_hash) {
  const std::vector<Labels> sets = {
      made({{"a", "bc"}}),
      made({{"ab", "c"}}),
      made({{"a", "b"}, {"c", "d"}}),
      made({{"a", "bcd"}}),
      made({{"a", "b"}, {"cd", "e"}}),
      made({{"a", "b"}, {"c", "de"}}),
      made({{"a", std::string(8, 'x')}}),
      made({{"a", std::string(16, 'x')}}),
      made({{"a", std::string(7, 'x')}}),
  };
  std::set<std::uint64_t> hashes;
  for (const Labels& set : sets) hashes.insert(set.hash());
  BOOST_TEST(hashes.size() == sets.size());
}

BOOST_AUTO_TEST_CASE(hash_spreads_over_neighbouring_sets) {
  // 200,000 sets in 2^18 buckets: a uniform hash leaves exp(-0.763) = 46.6 % of the buckets empty.
  constexpr std::size_t kBuckets = 1U << 18;
  std::set<std::uint64_t> hashes;
  std::vector<bool> low(kBuckets);
  std::vector<bool> high(kBuckets);
  for (int host = 0; host < 2000; ++host) {
    for (int cpu = 0; cpu < 100; ++cpu) {
      const auto hash =
          made({{"instance", "node" + std::to_string(host)}, {"cpu", std::to_string(cpu)}}).hash();
      hashes.insert(hash);
      low[hash % kBuckets] = true;
      high[hash >> 46] = true;
    }
  }
  BOOST_TEST(hashes.size() == 200'000U);
  for (const auto& buckets : {low, high}) {
    const auto empty = std::count(buckets.begin(), buckets.end(), false);
    BOOST_TEST(static_cast<double>(empty) / double{kBuckets} < 0.48);
  }
}

BOOST_AUTO_TEST_CASE(compares_by_content) {
  const Labels a = made({{"a", "1"}});
  BOOST_TEST((a == made({{"a", "1"}})));
  BOOST_TEST((a != made({{"a", "2"}})));
  BOOST_TEST((a < made({{"a", "2"}})));
  BOOST_TEST((a < made({{"a", "1"}, {"b", "1"}})));
  BOOST_TEST((made({{"a", "9"}}) < made({{"b", "1"}})));
  BOOST_TEST((Labels() < a));
}

BOOST_AUTO_TEST_CASE(counts_its_heap_bytes) {
  BOOST_TEST(Labels().heap_bytes() == 0U);
  BOOST_TEST(made({{"a", "1"}, {"b", "2"}}).heap_bytes() == 2 * sizeof(Label));
  const std::size_t long_value = made({{"a", std::string(100, 'x')}}).heap_bytes();
  BOOST_TEST(long_value >= sizeof(Label) + 101);
  BOOST_TEST(long_value <= sizeof(Label) + 256);
}

BOOST_AUTO_TEST_CASE(holds_no_spare_room_after_creation) {
  std::vector<Label> roomy;
  roomy.reserve(1000);
  roomy.push_back({"a", "1"});
  roomy.push_back({"b", ""});
  BOOST_TEST(made(std::move(roomy)).heap_bytes() == sizeof(Label));
}

struct Name {
  std::string name;
  bool is_label;
  bool is_metric;
};
std::ostream& operator<<(std::ostream& out, const Name& c) { return out << '"' << c.name << '"'; }

const Name kNames[] = {
    {"a", true, true},     {"_", true, true},     {"__name__", true, true}, {"A9_z", true, true},
    {"a:b", false, true},  {":", false, true},    {"", false, false},       {"9a", false, false},
    {"a-b", false, false}, {"a.b", false, false}, {"a b", false, false},    {"ä", false, false},
    {"a\n", false, false}, {" a", false, false},  {"a\"", false, false},
};

BOOST_DATA_TEST_CASE(tells_legacy_names_from_others, boost::unit_test::data::make(kNames)) {
  BOOST_TEST(is_legacy_label_name(sample.name) == sample.is_label);
  BOOST_TEST(is_legacy_metric_name(sample.name) == sample.is_metric);
}

BOOST_AUTO_TEST_CASE(escapes_label_values_as_the_text_format_does) {
  const auto escaped = [](std::string_view value) {
    std::string out = ">";
    append_escaped_label_value(out, value);
    return out;
  };
  BOOST_TEST(escaped("") == ">");
  BOOST_TEST(escaped("plain") == ">plain");
  BOOST_TEST(escaped("\\") == ">\\\\");
  BOOST_TEST(escaped("\"") == ">\\\"");
  BOOST_TEST(escaped("\n") == ">\\n");
  BOOST_TEST(escaped("a\"\n\\b") == ">a\\\"\\n\\\\b");
  BOOST_TEST(escaped("\r\t") == ">\r\t");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
