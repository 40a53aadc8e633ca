#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/external_labels.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace anomaly_exporter::sources {
namespace {

/// An answer of the server with this YAML text, which must need no escapes of JSON but line feeds.
std::string answer(const std::string& yaml) {
  std::string text;
  for (const char c : yaml) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '"' || c == '\\') {
      text += std::string{'\\', c};
    } else {
      text += c;
    }
  }
  return R"({"status":"success","data":{"yaml":")" + text + R"("}})";
}

std::string labels_of(const std::string& yaml) {
  const auto labels = decode_external_labels(answer(yaml));
  return labels.ok() ? labels->text() : labels.error().message;
}

core::ErrorCode error_of(const std::string& body) {
  const auto labels = decode_external_labels(body);
  BOOST_TEST_REQUIRE(!labels.ok());
  return labels.error().code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(external_labels_test)

BOOST_AUTO_TEST_CASE(reads_every_form_of_value_that_prometheus_prints) {
  BOOST_TEST(labels_of("global:\n"
                       "  scrape_interval: 15s\n"
                       "  external_labels:\n"
                       "    cluster: eu-1\n"
                       "    escaped: \"a\\tb\\\"c\\u00e9\"\n"
                       "    plain: hello world: yes\n"
                       "    quoted: 'it''s'\n"
                       "    replica: \"0\"\n"
                       "    \"y\": -x\n"
                       "alerting:\n"
                       "  external_labels:\n"
                       "    other: nothing\n") ==
             "{cluster=\"eu-1\",escaped=\"a\tb\\\"c\xc3\xa9\",plain=\"hello world: yes\","
             "quoted=\"it's\",replica=\"0\",y=\"-x\"}");
}

BOOST_AUTO_TEST_CASE(other_keys_may_follow) {
  BOOST_TEST(labels_of("global:\n  external_labels:\n    a: b\n  query_log_file: /x\n") ==
             "{a=\"b\"}");
}

BOOST_AUTO_TEST_CASE(no_block_means_no_labels) {
  BOOST_TEST(labels_of("global:\n  scrape_interval: 15s\n") == "{}");
  BOOST_TEST(labels_of("scrape_configs:\n- job_name: global\n  external_labels:\n    a: b\n") ==
             "{}");
  BOOST_TEST(labels_of("") == "{}");
}

BOOST_AUTO_TEST_CASE(json_escapes_are_undone) {
  const auto labels = decode_external_labels(
      "{ \"data\" : { \"yaml\" : \"global:\\u000a  external_labels:\\n    a: \\ud83d\\ude00\\/\" } "
      "}");
  BOOST_TEST_REQUIRE(labels.ok());
  BOOST_TEST(labels->text() == "{a=\"\xf0\x9f\x98\x80/\"}");
}

BOOST_AUTO_TEST_CASE(a_body_without_yaml_is_corrupt) {
  for (const std::string body :
       {"", "<html>", R"({"yaml"})", R"({"yaml":5})", R"({"yaml":"open)", R"({"yaml":"\q"})",
        R"({"yaml":"\ud800"})", R"({"yaml":"\u00)", R"({"yaml":"\)"}) {
    BOOST_TEST_CONTEXT(body) { BOOST_CHECK(error_of(body) == core::ErrorCode::Corrupt); }
  }
}

BOOST_AUTO_TEST_CASE(a_form_that_is_not_read_is_said_to_be_so) {
  const std::string before = "global:\n  external_labels:\n    a: ";
  for (const std::string value :
       {"|-\n      text", ">\n      text", "\"open", "'open", "[x]", "{x: y}", "&anchor x",
        "*alias", "!!str x", "x # comment", "'a'b'", "\"\\q\"", "plain\n      folded"}) {
    BOOST_TEST_CONTEXT(value) {
      BOOST_CHECK(error_of(answer(before + value + "\n")) == core::ErrorCode::Unsupported);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
