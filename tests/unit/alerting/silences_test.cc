#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/silences.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

struct Case {
  const char* name;
  const char* value;
  bool is_regex, is_equal, matches;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.name << (c.is_equal ? (c.is_regex ? "=~" : "=") : (c.is_regex ? "!~" : "!="))
               << c.value;
  }
};

/// Against {instance="web-1:9100", job="node"}.
const Case kCases[] = {
    {"job", "node", false, true, true},
    {"job", "nod", false, true, false},
    {"job", "node", false, false, false},
    {"job", "other", false, false, true},
    {"instance", "web-.*", true, true, true},
    {"instance", "web", true, true, false},  // anchored at both ends
    {"instance", "eb-1:9100", true, true, false},
    {"instance", "web-.*", true, false, false},
    {"instance", "db-.*", true, false, true},
    {"absent", "", false, true, true},  // an absent label is empty
    {"absent", "x", false, true, false},
    {"absent", ".*", true, true, true},
    {"absent", ".+", true, true, false},
    {"absent", ".+", true, false, true},
    {"job", "a|node", true, true, true},
};

std::string silence(const std::string& id, const std::string& matchers,
                    const std::string& state = "active") {
  return R"({"id":")" + id + R"(","status":{"state":")" + state +
         R"("},"startsAt":"2026-03-01T12:00:00.000Z","endsAt":"2026-03-01T13:00:00.000Z",)" +
         R"("matchers":)" + matchers + "}";
}
const std::string kJobIsNode = R"([{"name":"job","value":"node","isRegex":false,"isEqual":true}])";

BOOST_AUTO_TEST_SUITE(silences_test)

BOOST_DATA_TEST_CASE(matchers_mean_what_they_mean_in_alertmanager,
                     boost::unit_test::data::make(kCases), c) {
  const auto labels = labels_of({{"instance", "web-1:9100"}, {"job", "node"}});
  const auto matcher = Matcher::create(c.name, c.value, c.is_regex, c.is_equal);
  BOOST_TEST_REQUIRE(matcher.ok());
  BOOST_TEST(matcher->matches(labels) == c.matches);
}

BOOST_AUTO_TEST_CASE(an_answer_is_read) {
  const auto list = parse_silences(
      "[" + silence("b", kJobIsNode) + "," + silence("gone", kJobIsNode, "expired") + "," +
      silence("a", R"([{"name":"job","value":"n.+","isRegex":true},{"name":"x","value":""}])") +
      "]");
  BOOST_TEST_REQUIRE(list.ok());
  BOOST_TEST_REQUIRE(list->silences.size() == 2U);
  BOOST_TEST(list->skipped == 0U);
  const Silence& a = list->silences[0];
  BOOST_TEST(a.id == "a");
  BOOST_TEST(a.matches(labels_of({{"job", "node"}})));
  BOOST_TEST(!a.matches(labels_of({{"job", "node"}, {"x", "y"}})));
  BOOST_TEST(!a.is_active(at("11:59:59")));
  BOOST_TEST(a.is_active(at("12:00:00")));
  BOOST_TEST(!a.is_active(at("13:00:00")));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_evaluated_is_skipped_and_named) {
  const auto list =
      parse_silences("[" + silence("good", kJobIsNode) + "," +
                     silence("broken", R"([{"name":"job","value":"(","isRegex":true}])") + "," +
                     silence("none", "[]") + "," + silence("nameless", R"([{"value":"x"}])") + "]");
  BOOST_TEST_REQUIRE(list.ok());
  BOOST_TEST(list->silences.size() == 1U);
  BOOST_TEST(list->skipped == 3U);
  BOOST_TEST(list->first_problem.starts_with("silence broken: matcher job: bad expression"));
}

BOOST_AUTO_TEST_CASE(hostile_answers_are_refused) {
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), std::string("[{]"),
        std::string("\xff\xfe"), std::string("null"), "[" + std::string(100'000, '[')}) {
    const auto list = parse_silences(text);
    BOOST_TEST_REQUIRE(!list.ok());
    BOOST_TEST((list.error().code == core::ErrorCode::Corrupt));
  }
  std::string many = "[";
  for (std::size_t i = 0; i < kMostSilences + 5; ++i) {
    many += (i > 0 ? "," : "") + silence(std::to_string(i), kJobIsNode);
  }
  const auto list = parse_silences(many + "]");
  BOOST_TEST_REQUIRE(list.ok());
  BOOST_TEST(list->silences.size() == kMostSilences);
  BOOST_TEST(list->skipped == 5U);
}

BOOST_AUTO_TEST_CASE(the_book_joins_alertmanagers_and_forgets_what_is_over) {
  SilenceBook book;
  const auto list = [](const std::string& id) {
    return parse_silences("[" + silence(id, kJobIsNode) + "]")->silences;
  };
  book.replace("http://a", list("one"));
  book.replace("http://b", list("one"));  // the same, by gossip
  BOOST_TEST(book.active(at("12:30:00")).size() == 1U);
  book.replace("http://b", list("two"));
  BOOST_TEST(book.active(at("12:30:00")).size() == 2U);
  BOOST_TEST(book.active(at("13:00:00")).empty());  // unheard of since, they end by themselves
  book.retain({"http://b"});
  BOOST_TEST(book.active(at("12:30:00")).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_silence_that_did_not_change_is_the_same_object) {
  SilenceBook book;
  const auto list = [](const char* ids) {
    std::vector<Silence> out;
    for (const char id : std::string(ids)) {
      out.push_back(
          parse_silences("[" + silence(std::string(1, id), kJobIsNode) + "]")->silences[0]);
    }
    return out;
  };
  book.replace("http://a", list("bd"));
  const auto before = book.active(at("12:30:00"));
  book.replace("http://a", list("bd"));
  BOOST_TEST((book.active(at("12:30:00")) == before));
  auto changed = list("abd");
  changed[1].ends_at = changed[1].ends_at - minutes(1);
  book.replace("http://a", changed);
  const auto after = book.active(at("12:30:00"));
  BOOST_TEST_REQUIRE(after.size() == 3U);
  BOOST_TEST((after[1] != before[0]));  // its end was moved
  BOOST_TEST((after[2] == before[1]));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
