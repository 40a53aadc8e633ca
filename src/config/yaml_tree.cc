#include "yaml_tree.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace anomaly_exporter::config {
namespace {

/// Leaves yaml-cpp's parser from inside an event. Caught in `read_yaml`.
struct Refused {
  YamlFault fault;
};

int line_of(const YAML::Mark& mark) { return mark.line < 0 ? 1 : mark.line + 1; }

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder() = default;

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.line = line_of(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      refuse(line_of(mark), "an alias may not lie inside its own anchor");
    YamlNode copy = found->second;
    count(copy, line_of(mark));
    if (open_.size() + depth(copy) > kMaxDepth) refuse_depth(line_of(mark));
    set_line(copy, line_of(mark));
    add_counted(std::move(copy), YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.line = line_of(mark);
    node.is_quoted = tag == "!";
    if (!node.is_quoted) refuse_tag(tag, node.line);
    const bool is_null = !node.is_quoted && (value.empty() || value == "~" || value == "null");
    node.kind = is_null ? YamlNode::Kind::Null : YamlNode::Kind::Scalar;
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
  };

  [[noreturn]] static void refuse(int line, std::string message) {
    throw Refused{{line, std::move(message)}};
  }
  [[noreturn]] static void refuse_depth(int line) {
    refuse(line, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  static void refuse_tag(const std::string& tag, int line) {
    if (!tag.empty() && tag != "?") refuse(line, "tags are not supported; remove the \"!\"");
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    YamlNode node;
    node.kind = kind;
    node.line = line_of(mark);
    refuse_tag(tag, node.line);
    if (open_.size() >= kMaxDepth) refuse_depth(node.line);
    open_.push_back({std::move(node), anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void count_one(const YamlNode& node, int line) {
    text_bytes_ += node.text.size();
    if (++nodes_ > kMaxNodes || text_bytes_ > kMaxTextBytes) {
      refuse(line, "more than " + std::to_string(kMaxNodes) +
                       " values or 4 MiB of text with aliases copied out; use fewer aliases");
    }
  }
  void count(const YamlNode& node, int line) {
    count_one(node, line);
    for (const YamlNode& key : node.keys) count(key, line);
    for (const YamlNode& item : node.items) count(item, line);
  }
  static std::size_t depth(const YamlNode& node) {
    std::size_t deepest = 0;
    for (const YamlNode& item : node.items) deepest = std::max(deepest, depth(item));
    return deepest + (node.kind == YamlNode::Kind::List || node.kind == YamlNode::Kind::Map);
  }
  /// What an alias brings is reported where the alias stands.
  static void set_line(YamlNode& node, int line) {
    node.line = line;
    for (YamlNode& key : node.keys) set_line(key, line);
    for (YamlNode& item : node.items) set_line(item, line);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    count_one(node, node.line);
    add_counted(std::move(node), anchor);
  }

  void add_counted(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      count(node, node.line);  // the copy kept for its aliases
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    if (parent.kind == YamlNode::Kind::Map && parent.keys.size() == parent.items.size()) {
      if (node.kind != YamlNode::Kind::Scalar) refuse(node.line, "a key must be plain text");
      parent.keys.push_back(std::move(node));
    } else {
      parent.items.push_back(std::move(node));
    }
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

void write_node(YAML::Emitter& out, const YamlNode& node) {
  if (node.is_secret) {
    out << "<secret>";
    return;
  }
  switch (node.kind) {
    case YamlNode::Kind::Null:
      out << YAML::Null;
      return;
    case YamlNode::Kind::Scalar:
      if (node.is_quoted) out << YAML::DoubleQuoted;
      out << node.text;
      return;
    case YamlNode::Kind::List:
      out << YAML::BeginSeq;
      for (const YamlNode& item : node.items) write_node(out, item);
      out << YAML::EndSeq;
      return;
    case YamlNode::Kind::Map:
      out << YAML::BeginMap;
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        out << YAML::Key << node.keys[i].text << YAML::Value;
        write_node(out, node.items[i]);
      }
      out << YAML::EndMap;
      return;
  }
}

}  // namespace

bool read_yaml(std::string_view text, YamlNode& root, YamlFault& fault) {
  if (text.size() > kMaxDocumentBytes) {
    fault = {1, "larger than 1 MiB; split it into several exporters"};
    return false;
  }
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    TreeBuilder first;
    parser.HandleNextDocument(first);
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      fault = {second.take_root().line, "a second document; put everything into the first"};
      return false;
    }
    root = first.take_root();
    return true;
  } catch (const Refused& refused) {
    fault = refused.fault;
  } catch (const YAML::Exception& e) {
    fault = {line_of(e.mark), "not valid YAML: " + e.msg};
  } catch (const std::exception& e) {
    fault = {1, std::string("not valid YAML: ") + e.what()};
  }
  return false;
}

std::string write_yaml(const YamlNode& root) {
  if (root.kind == YamlNode::Kind::Null) return "";
  YAML::Emitter out;
  write_node(out, root);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace anomaly_exporter::config
