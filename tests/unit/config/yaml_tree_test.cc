#define BOOST_TEST_DYN_LINK
#include "yaml_tree.h"

#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::config {
namespace {

YamlNode tree_of(const std::string& text) {
  YamlNode root;
  YamlFault fault;
  BOOST_TEST_REQUIRE(read_yaml(text, root, fault), fault.message);
  return root;
}

std::string fault_of(const std::string& text) {
  YamlNode root;
  YamlFault fault;
  if (read_yaml(text, root, fault)) return "";
  return std::to_string(fault.line) + ": " + fault.message;
}

/// `depth` lists in each other.
std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

BOOST_AUTO_TEST_SUITE(yaml_tree_test)

BOOST_AUTO_TEST_CASE(keeps_lines_quotes_and_repeated_keys) {
  const YamlNode root = tree_of("a: 1\nb: \"1\"\na: [x, ~]\n");
  BOOST_TEST_REQUIRE(root.keys.size() == 3U);
  BOOST_TEST(root.keys[2].text == "a");
  BOOST_TEST(root.keys[2].line == 3);
  BOOST_TEST(!root.items[0].is_quoted);
  BOOST_TEST(root.items[1].is_quoted);
  BOOST_TEST((root.items[2].items[1].kind == YamlNode::Kind::Null));
}

BOOST_AUTO_TEST_CASE(an_empty_document_is_null) {
  BOOST_TEST((tree_of("").kind == YamlNode::Kind::Null));
  BOOST_TEST((tree_of("# only a comment\n").kind == YamlNode::Kind::Null));
}

BOOST_AUTO_TEST_CASE(aliases_are_copied_out_and_stand_where_the_alias_stands) {
  const YamlNode root = tree_of("a: &x {k: v}\nb:\n  - *x\n");
  const YamlNode& copy = root.items[1].items[0];
  BOOST_TEST(copy.items[0].text == "v");
  BOOST_TEST(copy.items[0].line == 3);
}

BOOST_AUTO_TEST_CASE(a_bomb_of_aliases_is_refused_before_it_grows) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += below + ", ";
    bomb += below + "]\n";
  }
  BOOST_TEST(fault_of(bomb) ==
             "5: more than 100000 values or 4 MiB of text with aliases copied out; use fewer "
             "aliases");
}

BOOST_AUTO_TEST_CASE(many_aliases_of_one_long_text_are_refused) {
  std::string text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 50; ++i) text += "*a, ";
  BOOST_TEST(fault_of(text + "x]\n").find("4 MiB") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_alias_inside_its_own_anchor_is_refused) {
  BOOST_TEST(fault_of("a: &a [*a]\n") == "1: an alias may not lie inside its own anchor");
}

BOOST_AUTO_TEST_CASE(depth_is_bounded_also_through_aliases) {
  BOOST_TEST(fault_of(nested(kMaxDepth)) == "");
  BOOST_TEST(fault_of(nested(kMaxDepth + 1)) == "1: nested deeper than 32 levels");
  BOOST_TEST(fault_of(nested(100'000)) == "1: nested deeper than 32 levels");
  const std::string deep = nested(20);
  BOOST_TEST(fault_of("a: &a " + deep + "\nb: " + std::string(20, '[') + "*a" +
                      std::string(20, ']')) == "2: nested deeper than 32 levels");
}

BOOST_AUTO_TEST_CASE(size_is_bounded) {
  BOOST_TEST(fault_of(std::string(kMaxDocumentBytes + 1, ' ')) ==
             "1: larger than 1 MiB; split it into several exporters");
  BOOST_TEST(fault_of(std::string(kMaxDocumentBytes, ' ')) == "");
}

BOOST_AUTO_TEST_CASE(tags_second_documents_and_odd_keys_are_refused) {
  BOOST_TEST(fault_of("a: !!str 1\n") == "1: tags are not supported; remove the \"!\"");
  BOOST_TEST(fault_of("a: 1\n---\nb: 2\n") ==
             "3: a second document; put everything into the first");
  BOOST_TEST(fault_of("? [a]\n: 1\n") == "1: a key must be plain text");
}

BOOST_AUTO_TEST_CASE(bad_yaml_names_its_line) {
  const std::string fault = fault_of("a: 1\nb: [1, 2\nc: 3\n");
  BOOST_TEST(fault.find("not valid YAML: ") != std::string::npos, fault);
  BOOST_TEST(fault_of("a: *nowhere\n").starts_with("1: not valid YAML: "));
}

BOOST_AUTO_TEST_CASE(writes_what_it_read_without_secrets) {
  YamlNode root = tree_of("a: {b: [1, \"2\", ~]}\np: hunter2\n");
  root.items[1].is_secret = true;
  const std::string written = write_yaml(root);
  BOOST_TEST(written.find("hunter2") == std::string::npos);
  BOOST_TEST(written.find("p: <secret>") != std::string::npos);
  const YamlNode again = tree_of(written);
  BOOST_TEST(again.items[0].items[0].items[1].is_quoted);
  BOOST_TEST((again.items[0].items[0].items[2].kind == YamlNode::Kind::Null));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
