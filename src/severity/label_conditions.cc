#include "anomaly_exporter/severity/label_conditions.h"

#include <re2/re2.h>

#include <algorithm>

namespace anomaly_exporter::severity {

using Op = LabelCondition::Op;

struct LabelConditions::Compiled {
  LabelCondition condition;
  std::unique_ptr<const re2::RE2> expression;  ///< null where a text is compared

  [[nodiscard]] bool holds_for(const core::Labels& labels) const {
    const std::string_view value = labels.value(condition.name).value_or("");
    const bool is_equal = expression
                              ? re2::RE2::FullMatch({value.data(), value.size()}, *expression)
                              : value == condition.value;
    return is_equal == (condition.op == Op::Equal || condition.op == Op::Matches);
  }
};

core::Result<LabelConditions> LabelConditions::create(
    const std::vector<LabelCondition>& conditions) {
  constexpr std::int64_t kMostMemory = 1 << 20;
  std::vector<Compiled> compiled;
  for (const LabelCondition& condition : conditions) {
    Compiled& made = compiled.emplace_back();
    made.condition = condition;
    if (condition.op == Op::Equal || condition.op == Op::NotEqual) continue;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMostMemory);
    auto expression = std::make_unique<const re2::RE2>(condition.value, options);
    if (!expression->ok()) {
      return core::Error{core::ErrorCode::InvalidArgument,
                         "label " + condition.name + ": \"" + condition.value +
                             "\" is not an RE2 expression: " + expression->error()};
    }
    made.expression = std::move(expression);
  }
  LabelConditions out;
  if (!compiled.empty()) {
    out.compiled_ = std::make_shared<const std::vector<Compiled>>(std::move(compiled));
  }
  return out;
}

bool LabelConditions::hold_for(const core::Labels& labels) const {
  return !is_set() || std::ranges::all_of(*compiled_, [&](const Compiled& condition) {
    return condition.holds_for(labels);
  });
}

}  // namespace anomaly_exporter::severity
