#include "anomaly_exporter/exposition/label_text.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <utility>
#include <vector>

namespace anomaly_exporter::exposition {
namespace {

std::string text_of(std::vector<core::Label> labels, std::string_view metric = "us") {
  std::string out;
  append_label_text(out, "m", metric, core::Labels::create(std::move(labels)).value());
  return out;
}

BOOST_AUTO_TEST_SUITE(label_text_test)

BOOST_AUTO_TEST_CASE(ours_come_first_then_those_of_the_source_in_order) {
  BOOST_TEST(text_of({{"job", "node"}, {"instance", "a:9100"}}) ==
             R"(monitor="m",metric="us",instance="a:9100",job="node")");
  BOOST_TEST(text_of({}, "") == R"(monitor="m")");
}

BOOST_AUTO_TEST_CASE(it_is_appended_without_a_comma_to_what_was_there) {
  std::string out = R"(a="b")";
  append_label_text(out, "m", "", {});
  BOOST_TEST(out == R"(a="b"monitor="m")");
}

BOOST_AUTO_TEST_CASE(values_are_escaped) {
  BOOST_TEST(text_of({{"path", "C:\\a\"b\nc"}}) == R"(monitor="m",metric="us",path="C:\\a\"b\nc")");
}

BOOST_AUTO_TEST_CASE(names_of_ours_are_moved_aside) {
  BOOST_TEST(text_of({{"detector", "x"}, {"metric", "y"}, {"monitor", "z"}}) ==
             R"(monitor="m",metric="us",exported_detector="x",exported_metric="y",)"
             R"(exported_monitor="z")");
  BOOST_TEST(text_of({{"alertname", "x"}, {"scope", "y"}, {"severity", "z"}}) ==
             R"(monitor="m",metric="us",exported_alertname="x",exported_scope="y",)"
             R"(exported_severity="z")");
}

BOOST_AUTO_TEST_CASE(names_that_the_text_formats_do_not_allow_become_legal) {
  BOOST_TEST(text_of({{"k8s.pod-name", "a"}}) == R"(monitor="m",metric="us",k8s_pod_name="a")");
  BOOST_TEST(text_of({{"9lives", "a"}}) == R"(monitor="m",metric="us",_lives="a")");
  BOOST_TEST(text_of({{"größe", "a"}}) == R"(monitor="m",metric="us",gr__e="a")");
  BOOST_TEST(text_of({{"a\"b}", "c"}}) == R"(monitor="m",metric="us",a_b_="c")");
}

BOOST_AUTO_TEST_CASE(no_name_stands_twice) {
  BOOST_TEST(text_of({{"a.b", "1"}, {"a_b", "2"}}) == R"(monitor="m",metric="us",a_b="1")");
  BOOST_TEST(text_of({{"exported_metric", "1"}, {"metric", "2"}}) ==
             R"(monitor="m",metric="us",exported_metric="1")");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
