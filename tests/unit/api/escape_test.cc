#include "anomaly_exporter/api/escape.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

std::string html(std::string_view text) {
  std::string out;
  append_html(out, text);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

BOOST_AUTO_TEST_SUITE(escape_test)

BOOST_AUTO_TEST_CASE(html_has_no_markup_left) {
  BOOST_TEST(html("<b a=\"1\" c='2'>&</b>") ==
             "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
}

BOOST_AUTO_TEST_CASE(html_keeps_valid_utf8_and_line_feeds) {
  BOOST_TEST(html("\xE2\x82\xAC\n\xF0\x9F\x98\x80") == "\xE2\x82\xAC\n\xF0\x9F\x98\x80");
}

BOOST_AUTO_TEST_CASE(html_replaces_invalid_utf8_and_control_characters) {
  BOOST_TEST(html(std::string_view("a\0b\x1b", 4)) ==
             "a\xEF\xBF\xBD"
             "b\xEF\xBF\xBD");
  BOOST_TEST(html("x\xff") == "x\xEF\xBF\xBD");
}

BOOST_AUTO_TEST_CASE(json_escapes_quotes_backslashes_and_controls) {
  BOOST_TEST(json("a\"b\\c\n\x01\x7f") == R"("a\"b\\c\n\u0001\u007f")");
}

BOOST_AUTO_TEST_CASE(json_cannot_close_a_script_element) {
  BOOST_TEST(json("</script>") == R"("\u003c/script>")");
}

BOOST_AUTO_TEST_CASE(json_replaces_invalid_utf8) {
  BOOST_TEST(json("x\xc0\xaf") == "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
