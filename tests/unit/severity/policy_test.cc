#include "anomaly_exporter/severity/policy.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::severity {
namespace {

using Op = LabelCondition::Op;

core::Labels labels(const std::string& instance, const std::string& job = "node") {
  return core::Labels::create({{"instance", instance}, {"job", job}}).value();
}

LabelConditions where(Op op, const std::string& name, const std::string& value) {
  return LabelConditions::create({{op, name, value}}).value();
}

Policies policies(const std::vector<ThresholdRule>& thresholds,
                  const std::vector<MuteRule>& mutes = {}) {
  return {"node", Policy{}, {{"cpu", {.above = 99}}, {"disk", {}}}, thresholds, mutes};
}

ThresholdRule rule(const std::string& monitor, const std::string& metric, LabelConditions entity,
                   double threshold) {
  ThresholdRule made;
  made.scope = {monitor, metric, std::move(entity)};
  made.threshold = threshold;
  return made;
}

BOOST_AUTO_TEST_SUITE(policy_test)

BOOST_AUTO_TEST_CASE(conditions_are_anchored_and_absent_labels_are_empty) {
  BOOST_TEST(where(Op::Matches, "instance", "db.*").hold_for(labels("db1")));
  BOOST_TEST(!where(Op::Matches, "instance", "db").hold_for(labels("db1")));
  BOOST_TEST(!where(Op::NotMatches, "instance", "db.*").hold_for(labels("db1")));
  BOOST_TEST(where(Op::Equal, "rack", "").hold_for(labels("db1")));
  BOOST_TEST(where(Op::NotEqual, "job", "a").hold_for(labels("db1")));
  BOOST_TEST(LabelConditions().hold_for(labels("db1")));
  const auto both =
      LabelConditions::create({{Op::Equal, "job", "node"}, {Op::Equal, "instance", "a"}});
  BOOST_TEST(both.value().hold_for(labels("a")));
  BOOST_TEST(!both.value().hold_for(labels("a", "other")));
}

BOOST_AUTO_TEST_CASE(an_expression_that_is_none_is_refused_by_name) {
  const auto made = LabelConditions::create({{Op::Matches, "instance", "a("}});
  BOOST_TEST_REQUIRE(!made.ok());
  BOOST_TEST(made.error().message.starts_with("label instance: \"a(\" is not an RE2 expression"));
}

BOOST_AUTO_TEST_CASE(the_most_specific_rule_wins_whatever_the_order) {
  const auto is_db = where(Op::Matches, "instance", "db.*");
  std::vector<ThresholdRule> rules{rule("", "cpu", is_db, 0.95), rule("", "", is_db, 0.9),
                                   rule("", "cpu", {}, 0.8),     rule("node", "", {}, 0.7),
                                   rule("", "", {}, 0.65),       rule("other", "cpu", is_db, 0.5)};
  for (int turn = 0; turn < 2; ++turn) {
    Policies all = policies(rules);
    BOOST_TEST(all[all.number_of(0, labels("db1"))].threshold == 0.95);
    BOOST_TEST(all[all.number_of(1, labels("db1"))].threshold == 0.9);
    BOOST_TEST(all[all.number_of(0, labels("web"))].threshold == 0.8);
    BOOST_TEST(all[all.number_of(1, labels("web"))].threshold == 0.7);
    std::reverse(rules.begin(), rules.end());
  }
}

BOOST_AUTO_TEST_CASE(rules_replace_single_keys_and_the_later_of_equals_wins) {
  ThresholdRule first = rule("", "cpu", {}, 0.7);
  first.cooldown = std::chrono::minutes(30);
  ThresholdRule second = rule("", "cpu", {}, 0.8);
  second.critical_below = 1;
  Policies all = policies({first, second});
  const Policy& policy = all[all.number_of(0, labels("a"))];
  BOOST_TEST(policy.threshold == 0.8);
  BOOST_TEST(policy.options.cooldown.count() ==
             std::chrono::milliseconds(std::chrono::minutes(30)).count());
  BOOST_TEST(policy.limits.below == 1);
  BOOST_TEST(policy.limits.above == 99);  // the metric's own
}

BOOST_AUTO_TEST_CASE(a_mute_wins_over_an_enabled_threshold_and_enabled_over_a_disabled_one) {
  ThresholdRule off;
  off.scope.metric = "cpu";
  off.is_enabled = false;
  ThresholdRule on;
  on.scope = {"", "cpu", where(Op::Equal, "instance", "a")};
  on.is_enabled = true;
  Policies some = policies({on, off});
  BOOST_TEST(!some[some.number_of(0, labels("a"))].is_muted);
  BOOST_TEST(some[some.number_of(0, labels("b"))].is_muted);
  BOOST_TEST(!some[some.number_of(1, labels("b"))].is_muted);
  Policies none = policies({on}, {MuteRule{{"", "cpu", {}}, ""}});
  BOOST_TEST(none[none.number_of(0, labels("a"))].is_muted);
}

BOOST_AUTO_TEST_CASE(equal_combinations_share_a_policy) {
  Policies all = policies({rule("", "cpu", where(Op::Matches, "instance", "db.*"), 0.9)});
  BOOST_TEST(all.looks_at_entities());
  BOOST_TEST(all.number_of(0, labels("web")) == 0U);
  BOOST_TEST(all.number_of(1, labels("db1")) == 1U);
  const auto special = all.number_of(0, labels("db1"));
  BOOST_TEST(special == 2U);
  BOOST_TEST(all.number_of(0, labels("db2")) == special);
  BOOST_TEST(!policies({rule("", "cpu", {}, 0.9)}).looks_at_entities());
}

BOOST_AUTO_TEST_CASE(the_normal_tail_is_that_of_the_tables, *boost::unit_test::tolerance(1e-9)) {
  // mpmath: log(erfc(s / sqrt(2)) / 2).
  BOOST_TEST(log_normal_tail(0) == -0.69314718055994531);
  BOOST_TEST(log_normal_tail(3) == -6.6077262215103501);
  BOOST_TEST(log_normal_tail(5) == -15.064998393988726);
  BOOST_TEST(log_normal_tail(29.999999) == log_normal_tail(30.000001),
             boost::test_tools::tolerance(1e-6));
  BOOST_TEST(log_normal_tail(1000) < -499999.0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::severity
