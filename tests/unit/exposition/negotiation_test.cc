#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>

#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {
namespace {

BOOST_AUTO_TEST_SUITE(negotiation_test)

BOOST_AUTO_TEST_CASE(the_format_is_the_one_that_the_client_welcomes_most) {
  constexpr Format kText = Format::Text;
  constexpr Format kOpen = Format::OpenMetrics;
  struct Case {
    const char* name;
    const char* accept;
    Format want;
  };
  const Case cases[] = {
      {"no header", "", kText},
      {"curl", "*/*", kText},
      {"Prometheus 2.42",
       "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpen},
      {"Prometheus 3",
       "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
       "*/*;q=0.2",
       kOpen},
      {"Prometheus 2.5, which knows another version",
       "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kText},
      {"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
       kText},
      {"protobuf first", "application/vnd.google.protobuf;q=0.7,text/plain;q=0.3", kText},
      {"text preferred", "application/openmetrics-text;q=0.4, text/plain;q=0.5", kText},
      {"equally welcome", "application/openmetrics-text, text/plain", kText},
      {"no version", "application/openmetrics-text", kOpen},
      {"quoted version", "application/openmetrics-text; version=\"1.0.0\"", kOpen},
      {"comma in quotes", "text/plain;x=\"a,b;q=0\";q=0.2,application/openmetrics-text;q=0.1",
       kText},
      {"upper case", "Application/OpenMetrics-Text;Version=1.0.0;Q=0.9,text/plain;q=0.1", kOpen},
      {"subtype wildcard", "application/*, text/*;q=0.5", kOpen},
      {"the specific range counts, not the wide one",
       "application/*;q=1, application/openmetrics-text;q=0.1, text/plain;q=0.2", kText},
      {"refused", "application/openmetrics-text;q=0, */*;q=0.1", kText},
      {"both refused", "application/openmetrics-text;q=0, text/plain;q=0", kText},
      {"q is no number", "application/openmetrics-text;q=high, text/plain;q=0.1", kText},
      {"q above 1", "application/openmetrics-text;q=7, text/plain;q=0.1", kText},
      {"q is NaN", "application/openmetrics-text;q=nan, text/plain;q=0.1", kText},
      {"spaces", " application/openmetrics-text ; version = 1.0.0 ; q = 0.9 , text/plain;q=0.5",
       kOpen},
      {"unended quote", "application/openmetrics-text;version=\"1.0.0", kText},
      {"backslash at the end", "text/plain;a=\"\\", kText},
      {"only separators", ",;,=;;,", kText},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.name) { BOOST_TEST((negotiate_format(c.accept) == c.want)); }
  }
}

BOOST_AUTO_TEST_CASE(content_types_name_format_version_and_charset) {
  BOOST_TEST(content_type(Format::Text) == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(content_type(Format::OpenMetrics) ==
             "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(gzip_is_used_only_where_the_client_allows_it) {
  struct Case {
    const char* accept_encoding;
    bool want;
  };
  const Case cases[] = {
      {"", false},
      {"gzip", true},
      {"GZIP", true},
      {"x-gzip", true},
      {"deflate, gzip;q=0.5, br", true},
      {"identity", false},
      {"gzip;q=0", false},
      {"gzip;q=0.0, *", false},
      {"*", true},
      {"*;q=0", false},
      {"identity;q=1, *;q=0", false},
      {"gzip;q=x", false},
      {"gzipped", false},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.accept_encoding) { BOOST_TEST(accepts_gzip(c.accept_encoding) == c.want); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
