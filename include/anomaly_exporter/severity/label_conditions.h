#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::severity {

/// One condition on a label; a label that is absent has the value "".
struct LabelCondition {
  enum class Op { Equal, NotEqual, Matches, NotMatches };

  Op op = Op::Equal;
  std::string name;
  std::string value;  ///< text, or an RE2 expression anchored at both ends
};

/// Conditions on an entity's labels, all of which must hold.
///
/// Threads: immutable; copies share the compiled expressions. Cost: about 100 ns per condition.
class LabelConditions {
 public:
  /// Conditions that every label set fulfils.
  LabelConditions() = default;
  /// Errors: InvalidArgument for an expression that RE2 refuses.
  static core::Result<LabelConditions> create(const std::vector<LabelCondition>& conditions);

  [[nodiscard]] bool hold_for(const core::Labels& labels) const;
  /// True when there is at least one condition.
  [[nodiscard]] bool is_set() const { return compiled_ != nullptr; }

 private:
  struct Compiled;
  std::shared_ptr<const std::vector<Compiled>> compiled_;
};

}  // namespace anomaly_exporter::severity
